"""Numbers in a model's answer, brought into their range.

The form of an answer cannot bound a number, and one that is off is no reason to lose the rest.
"""

import math
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, Field

from sessions.memory.things import HALF_LIFE_DAYS

HALF_SURE = 0.5
SHORTEST_HALF_LIFE, LONGEST_HALF_LIFE = 7, 3650


def _within(value: object, low: float, high: float, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return default
    try:
        number = float(value)
    except ValueError:
        return default
    return min(max(number, low), high) if math.isfinite(number) else default


_share = partial(_within, low=0, high=1, default=HALF_SURE)
_half_life = partial(_within, low=SHORTEST_HALF_LIFE, high=LONGEST_HALF_LIFE, default=HALF_LIFE_DAYS)
Share = Annotated[float, BeforeValidator(_share), Field(description="From 0 to 1.")]
HalfLifeDays = Annotated[
    float,
    BeforeValidator(_half_life),
    Field(
        description="In how many days half of the confidence is gone where nothing strengthens it: 14 for what is so "
        f"these weeks, {HALF_LIFE_DAYS} for most, 1000 for what hardly ever changes."
    ),
]
