"""What an agent remembers: one Protocol, and the things it holds."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, Protocol, Self

from pydantic import AfterValidator, BaseModel, Field


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{moment.isoformat()} is outside the calendar when read in UTC") from error


#: A moment in UTC. One with another offset is converted; one without any is taken for UTC.
Moment = Annotated[datetime, AfterValidator(_in_utc)]
ObservationKind = Literal["fact", "decision", "problem", "preference", "event"]


class Source(BaseModel, frozen=True):
    """Where an observation comes from: the run, the transcript's entry, and whose words they are."""

    run: str
    span: str = ""
    origin: Literal["owner", "agent", "tool", "web"] = "agent"


class Observation(BaseModel, frozen=True):
    """One thing worth knowing next time.

    `quote` is verbatim from the transcript; `context` is the turn before it. Both are indexed beside `text`.
    `event_at` is when it was so, `created_at` when it was learned. `importance` is 0 to 1.
    """

    id: str
    agent: str
    kind: ObservationKind = "fact"
    text: str = Field(min_length=1)
    quote: str = ""
    context: str = ""
    event_at: Moment
    created_at: Moment
    source: Source
    importance: float = Field(0.5, ge=0, le=1)
    status: Literal["active", "superseded", "reverted", "quarantined"] = "active"


class JournalEntry(BaseModel, frozen=True):
    """What one run was about, in its own words. `id` is the run's."""

    id: str
    agent: str
    session: str
    at: Moment
    theme: str
    built: str = ""
    noticed: str = ""
    changed: str = ""
    assumptions: str = ""
    next: str = ""


class Remembered(BaseModel, frozen=True):
    """What became of `remember`: ids that are new, and ids that were there already."""

    added: tuple[str, ...] = ()
    known: tuple[str, ...] = ()


class Forgotten(BaseModel, frozen=True):
    """How much `forget` removed: observations, whatever their status, and journal entries."""

    observations: int = 0
    entries: int = 0


class Memory(Protocol):
    """A store of observations and journal entries. Ids make every write safe to repeat.

    In a `with` statement it is closed at the end.

    Raises, from every method:
        MemoryStoreError: the store cannot be read or written.
    """

    def remember(self, observations: Sequence[Observation], journal: JournalEntry | None = None) -> Remembered:
        """Store all of it or none. What is there already, by id, stays as it is."""
        ...

    def recall(self, *, agent: str, query: str, limit: int = 10) -> list[Observation]:
        """Active observations of `agent` that speak to `query`, best first.

        `query` may hold anything, a whole prompt included. A blank one speaks to nothing: `[]` (see `latest`).
        """
        ...

    def latest(self, *, agent: str, limit: int = 10) -> list[Observation]:
        """The newest active observations of `agent`, newest first."""
        ...

    def journal(self, *, agent: str, limit: int = 5) -> list[JournalEntry]:
        """The newest journal entries of `agent`, newest first."""
        ...

    def count(self, *, agent: str) -> int:
        """How many active observations `agent` has."""
        ...

    def forget(self, *, agent: str) -> Forgotten:
        """Remove all that `agent` knows, for good, or nothing. Other agents are not touched."""
        ...

    def close(self) -> None:
        """Let go of the store; a second time does nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...
