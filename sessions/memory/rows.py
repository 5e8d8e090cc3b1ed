"""Observations as rows of the memory file, and back."""

import json
from collections.abc import Collection
from datetime import datetime

from sessions.memory.things import Observation, Source, in_utc

OBSERVATION_FIELDS = (
    "id, agent, kind, text, quote, context, event_at, created_at, run, span, origin, importance, derived_from, "
    "status, reason"
)

Cell = str | float


def observation_row(observation: Observation) -> tuple[Cell, ...]:
    """The cells of OBSERVATION_FIELDS."""
    flat = observation.model_dump(exclude={"source"}) | observation.source.model_dump()
    return tuple(_cell(flat[name]) for name in OBSERVATION_FIELDS.split(", "))


def observation_from(row: tuple[Cell, ...]) -> Observation:
    """The observation whose OBSERVATION_FIELDS `row` holds."""
    flat = dict(zip(OBSERVATION_FIELDS.split(", "), row, strict=True))
    flat["derived_from"] = json.loads(str(flat["derived_from"]))
    return Observation.model_validate({**flat, "source": {name: flat.pop(name) for name in Source.model_fields}})


def moment_cell(moment: datetime) -> str:
    """A moment as text of one width, so that the order of the text is the order of the moments."""
    return in_utc(moment).isoformat(timespec="microseconds")


def ids_cell(ids: Collection[str]) -> str:
    """Ids as a JSON list, for `json_each`."""
    return json.dumps(sorted(ids))


def _cell(value: str | float | datetime | tuple[str, ...]) -> Cell:
    if isinstance(value, datetime):
        return moment_cell(value)
    if isinstance(value, tuple):
        return json.dumps(value)
    return value
