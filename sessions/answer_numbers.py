"""Numbers in a model's answer, brought into their range.

The form of an answer cannot bound a number, and one that is off is no reason to lose the rest.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field

from sessions.memory.things import HALF_LIFE_DAYS

SHORTEST_HALF_LIFE, LONGEST_HALF_LIFE = 7, 3650


def _share(value: object) -> object:
    return max(0.0, min(1.0, value)) if isinstance(value, int | float) else value


def _half_life(value: object) -> object:
    return max(SHORTEST_HALF_LIFE, min(LONGEST_HALF_LIFE, value)) if isinstance(value, int | float) else HALF_LIFE_DAYS


Share = Annotated[float, BeforeValidator(_share), Field(description="From 0 to 1.")]
HalfLifeDays = Annotated[
    float,
    BeforeValidator(_half_life),
    Field(
        description="In how many days half of the confidence is gone where nothing strengthens it: 14 for what is so "
        f"these weeks, {HALF_LIFE_DAYS} for most, 1000 for what hardly ever changes."
    ),
]
