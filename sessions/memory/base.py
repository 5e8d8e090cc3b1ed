"""What an agent remembers: one Protocol over what `sessions.memory.things` and `sessions.memory.changes` describe."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, Self

from pydantic import BaseModel

from sessions.memory.changes import Add, Change, Op, WriteJournal, identity
from sessions.memory.state import State
from sessions.memory.things import JournalEntry, Observation, ObservationKind, Source

if TYPE_CHECKING:
    from sessions.memory.embedder import Embedder

__all__ = [
    "Applied",
    "Forgotten",
    "JournalEntry",
    "Memory",
    "Observation",
    "ObservationKind",
    "Remembered",
    "Source",
]

#: The most that one read returns, and more than any agent has.
ALL = 1_000_000


def bounded(limit: int) -> int:
    """`limit` as every store takes it: SQLite reads a negative one as none at all, and no integer beyond 64 bits."""
    return min(max(limit, 0), ALL)


class Applied(BaseModel, frozen=True):
    """What became of `apply`: ids of changes that are new, that were there already, and that are void, with why."""

    new: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    void: dict[str, str] = {}


class Remembered(BaseModel, frozen=True):
    """What became of `remember`: ids that are new, ids that were there already, and those that are void, with why."""

    added: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    void: dict[str, str] = {}

    @classmethod
    def by(cls, changes: Sequence[Change], applied: Applied) -> Self:
        """What became of the observations that `changes` add, from what became of the changes."""
        ids = {change.id: change.observation.id for change in changes if isinstance(change, Add)}
        return cls(
            added=tuple(ids[change] for change in applied.new if change in ids),
            known=tuple(dict.fromkeys(ids[change] for change in applied.known if change in ids)),
            void={ids[change]: why for change, why in applied.void.items() if change in ids},
        )


def additions(observations: Sequence[Observation], journal: JournalEntry | None) -> list[Change]:
    """The changes by which a run's observations and its journal entry come into the memory."""
    added: list[Change] = [
        Add(
            id=identity("add", item.id),
            agent=item.agent,
            run=item.source.run,
            at=item.created_at,
            origin=item.source.origin,
            observation=item,
        )
        for item in observations
    ]
    if journal:
        entry = WriteJournal(
            id=identity("write_journal", journal.id), agent=journal.agent, run=journal.id, at=journal.at, entry=journal
        )
        added.append(entry)
    return added


class Forgotten(BaseModel, frozen=True):
    """How much `forget` removed: observations, whatever their status, journal entries, and all changes."""

    observations: int = 0
    entries: int = 0
    changes: int = 0


class Memory(Protocol):
    """A log of changes per agent, and what it comes to: observations that can be searched, and a `State`.

    Ids make every write safe to repeat. `as_of` asks for what the memory held at that time; None is now.

    In a `with` statement it is closed at the end.

    Raises, from every method:
        MemoryStoreError: the store cannot be read or written.
    """

    def apply(self, changes: Sequence[Change]) -> Applied:
        """Store all of it or none, in this order. What is there already, by id, stays as it is.

        A change that speaks of an observation of another agent, or of none that is there, is void.
        """
        ...

    def remember(self, observations: Sequence[Observation], journal: JournalEntry | None = None) -> Remembered:
        """`apply` for new observations and a journal entry."""
        ...

    def recall(self, *, agent: str, query: str, limit: int = 10, as_of: datetime | None = None) -> list[Observation]:
        """Active observations of `agent` that speak to `query`, best first.

        `query` may hold anything, a whole prompt included. A blank one speaks to nothing: `[]` (see `latest`).
        """
        ...

    def latest(self, *, agent: str, limit: int = 10, as_of: datetime | None = None) -> list[Observation]:
        """The newest active observations of `agent`, newest first."""
        ...

    def observations(self, ids: Collection[str], *, as_of: datetime | None = None) -> list[Observation]:
        """Those of these ids that are there, whatever their status, in the order they were added."""
        ...

    def quarantined(self, *, agent: str, limit: int = 100) -> list[Observation]:
        """The newest observations of `agent` that only a person may see, newest first, with the reason."""
        ...

    def changes(
        self,
        *,
        agent: str | None = None,
        run: str | None = None,
        ops: Collection[Op] | None = None,
        until: datetime | None = None,
    ) -> Iterator[Change]:
        """The log, in the order in which it was written; of all agents when none is named."""
        ...

    def history(self, *, observation: str) -> list[Change]:
        """The changes that made, confirmed, superseded, faded, released or took back an observation, in order."""
        ...

    def state(self, *, agent: str, as_of: datetime | None = None) -> State:
        """Beliefs, threads, projects, vitals and the journal of `agent`."""
        ...

    def journal(self, *, agent: str, limit: int = 5, as_of: datetime | None = None) -> list[JournalEntry]:
        """The newest journal entries of `agent`, newest first."""
        ...

    def count(self, *, agent: str, as_of: datetime | None = None) -> int:
        """How many active observations `agent` has."""
        ...

    def agents(self) -> list[str]:
        """The agents that anything is remembered of, by name."""
        ...

    @property
    def embedder(self) -> str:
        """The name of the embedder that its vectors are of; empty while it has none."""
        ...

    def reindex(self, embedder: "Embedder") -> int:
        """Embed every observation with `embedder`, all or nothing, and keep to it; how many there are.

        Until then `recall`, and `apply` of a new observation, refuse to work with another embedder than its own.
        """
        ...

    def forget(self, *, agent: str) -> Forgotten:
        """Remove all that `agent` knows, its log included, for good, or nothing. Other agents are not touched."""
        ...

    def close(self) -> None:
        """Let go of the store; a second time does nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...
