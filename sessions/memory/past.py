"""A memory as it was at a moment: whatever reads a memory can be asked what it would have said then."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import NoReturn, Self

from sessions.errors import MemoryStoreError
from sessions.memory.base import Applied, Forgotten, Memory, Remembered
from sessions.memory.changes import Add, Change, Op
from sessions.memory.embedder import Embedder
from sessions.memory.state import State
from sessions.memory.things import JournalEntry, Observation, in_utc


def memory_at(memory: Memory, moment: datetime | None) -> Memory:
    """`memory` as it was at `moment`; as it is, without one."""
    return memory if moment is None else PastMemory(memory, moment)


class PastMemory:
    """A `Memory` that holds what another one held at `moment`. It can be read, and not written.

    Closing it closes the other.
    """

    def __init__(self, memory: Memory, moment: datetime) -> None:
        self._memory = memory
        self._moment = in_utc(moment)

    def recall(self, *, agent: str, query: str, limit: int = 10, as_of: datetime | None = None) -> list[Observation]:
        return self._memory.recall(agent=agent, query=query, limit=limit, as_of=self._by(as_of))

    def latest(self, *, agent: str, limit: int = 10, as_of: datetime | None = None) -> list[Observation]:
        return self._memory.latest(agent=agent, limit=limit, as_of=self._by(as_of))

    def observations(self, ids: Collection[str], *, as_of: datetime | None = None) -> list[Observation]:
        return self._memory.observations(ids, as_of=self._by(as_of))

    def quarantined(self, *, agent: str, limit: int = 100) -> list[Observation]:
        added = [each.observation.id for each in self.changes(agent=agent, ops=["add"]) if isinstance(each, Add)]
        held = [item for item in self.observations(added) if item.status == "quarantined"]
        return sorted(held, key=lambda item: item.created_at)[::-1][: max(limit, 0)]

    def changes(
        self,
        *,
        agent: str | None = None,
        run: str | None = None,
        ops: Collection[Op] | None = None,
        until: datetime | None = None,
    ) -> Iterator[Change]:
        return self._memory.changes(agent=agent, run=run, ops=ops, until=self._by(until))

    def history(self, *, observation: str) -> list[Change]:
        return [change for change in self._memory.history(observation=observation) if change.at <= self._moment]

    def state(self, *, agent: str, as_of: datetime | None = None) -> State:
        return self._memory.state(agent=agent, as_of=self._by(as_of))

    def journal(self, *, agent: str, limit: int = 5, as_of: datetime | None = None) -> list[JournalEntry]:
        return self._memory.journal(agent=agent, limit=limit, as_of=self._by(as_of))

    def count(self, *, agent: str, as_of: datetime | None = None) -> int:
        return self._memory.count(agent=agent, as_of=self._by(as_of))

    def agents(self) -> list[str]:
        return [agent for agent in self._memory.agents() if any(True for _ in self.changes(agent=agent))]

    @property
    def embedder(self) -> str:
        return self._memory.embedder

    def _by(self, as_of: datetime | None) -> datetime:
        return self._moment if as_of is None else min(self._moment, in_utc(as_of))

    def apply(self, changes: Sequence[Change]) -> Applied:  # noqa: ARG002 - as the Protocol has it
        self._refuse()

    def remember(self, observations: Sequence[Observation], journal: JournalEntry | None = None) -> Remembered:  # noqa: ARG002 - as the Protocol has it
        self._refuse()

    def reindex(self, embedder: Embedder) -> int:  # noqa: ARG002 - as the Protocol has it
        self._refuse()

    def forget(self, *, agent: str) -> Forgotten:  # noqa: ARG002 - as the Protocol has it
        self._refuse()

    def _refuse(self) -> NoReturn:
        then = f"{self._moment:%Y-%m-%d %H:%M} UTC"
        raise MemoryStoreError(f"a memory as it was at {then} can be read, and not written", url="")

    def close(self) -> None:
        self._memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
