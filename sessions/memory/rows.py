"""Observations and journal entries as rows of the memory file, and back."""

from datetime import datetime

from sessions.memory.base import JournalEntry, Observation, Source

OBSERVATION_FIELDS = (
    "id, agent, kind, text, quote, context, event_at, created_at, run, span, origin, importance, status"
)
ENTRY_FIELDS = "id, agent, session, at, theme, built, noticed, changed, assumptions, next"

Cell = str | float


def observation_row(observation: Observation) -> tuple[Cell, ...]:
    """The cells of OBSERVATION_FIELDS."""
    flat = observation.model_dump(exclude={"source"}) | observation.source.model_dump()
    return tuple(_cell(flat[name]) for name in OBSERVATION_FIELDS.split(", "))


def observation_from(row: tuple[Cell, ...]) -> Observation:
    """The observation whose OBSERVATION_FIELDS `row` holds."""
    flat = dict(zip(OBSERVATION_FIELDS.split(", "), row, strict=True))
    return Observation.model_validate({**flat, "source": {name: flat.pop(name) for name in Source.model_fields}})


def entry_row(entry: JournalEntry) -> tuple[Cell, ...]:
    """The cells of ENTRY_FIELDS."""
    flat = entry.model_dump()
    return tuple(_cell(flat[name]) for name in ENTRY_FIELDS.split(", "))


def entry_from(row: tuple[Cell, ...]) -> JournalEntry:
    """The journal entry whose ENTRY_FIELDS `row` holds."""
    return JournalEntry.model_validate(dict(zip(ENTRY_FIELDS.split(", "), row, strict=True)))


def _cell(value: str | float | datetime) -> Cell:
    if isinstance(value, datetime):
        # One width, so that the order of the text is the order of the moments.
        return value.isoformat(timespec="microseconds")
    # Half of a surrogate pair, as broken JSON brings it, cannot be stored: it becomes a question mark.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
