"""The shared memory: a Firestore database, searched by words and by meaning, for any number of machines."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self

from sessions.errors import MemoryStoreError
from sessions.memory.base import Applied, Forgotten, Remembered, additions, bounded
from sessions.memory.changes import Change, Op, storable
from sessions.memory.embedder import Embedder, static_table
from sessions.memory.firestore.connection import WAIT_SECONDS, Attempt, Connection, Document
from sessions.memory.firestore.documents import change_from, require_encodable
from sessions.memory.firestore.format import (
    claim_format,
    embedder_of,
    require_dimensions,
    require_embedder,
    require_format,
)
from sessions.memory.firestore.log import PAGE, Wanted, in_order, read_history, read_observations
from sessions.memory.firestore.pending import Pending
from sessions.memory.firestore.reading import count_active, select_active_at, select_newest
from sessions.memory.firestore.reindexing import rebuild
from sessions.memory.firestore.rooms import Rooms, name_of
from sessions.memory.firestore.search import Search, search
from sessions.memory.firestore.sentences import Place, explained
from sessions.memory.firestore.statistics import KnownStatistics
from sessions.memory.firestore.writing import Writer
from sessions.memory.search import DEPTH
from sessions.memory.state import STATE_OPS, State
from sessions.memory.statuses import as_it_stood
from sessions.memory.things import JournalEntry, Observation, in_utc


class FirestoreMemory:
    """A `Memory` in the Firestore database at `place`, which has to exist. Threads may share it.

    Raises:
        MemoryStoreError: it cannot be reached within `wait_seconds`, or was written by a newer version. It is then
            left as it was.
    """

    def __init__(self, place: Place, *, embedder: Embedder | None = None, wait_seconds: float = WAIT_SECONDS) -> None:
        self.place = place
        self._embedder = embedder or static_table()
        self._connection = Connection(place, wait_seconds=wait_seconds)
        self._rooms = Rooms(self._connection.client)
        self._pending = Pending(self._connection, self._rooms)
        self._writer = Writer(self._pending, self._rooms, place, self._embedder)
        self._statistics: dict[str, KnownStatistics] = {}
        try:
            if not self._connection.read(partial(require_format, self._rooms, place)):
                self._connection.write(partial(claim_format, self._rooms))
            self._pending.sweep()
        except MemoryStoreError:
            self.close()
            raise

    def apply(self, changes: Sequence[Change]) -> Applied:
        with explained(self.place, 0):
            changes = [storable(change) for change in changes]
        return self._writer.apply(changes)

    def remember(self, observations: Sequence[Observation], journal: JournalEntry | None = None) -> Remembered:
        with explained(self.place, 0):
            changes = additions(observations, journal)
        return Remembered.by(changes, self.apply(changes))

    def recall(self, *, agent: str, query: str, limit: int = 10, as_of: datetime | None = None) -> list[Observation]:
        limit, as_of = bounded(limit), _moment(as_of)
        if not query.strip() or not limit:
            return []

        def best(attempt: Attempt) -> list[Observation]:
            statistics = self._statistics.setdefault(agent, KnownStatistics()).refresh(self._rooms, attempt, agent)
            if not statistics.observations:
                return []
            require_embedder(self._rooms, self.place, self._embedder, attempt)
            wanted = Search(self._rooms.observations(agent), statistics, as_of, max(DEPTH, limit))
            return search(attempt, query, wanted, self._embedder)[:limit]

        return self._pending.read(best)

    def latest(self, *, agent: str, limit: int = 10, as_of: datetime | None = None) -> list[Observation]:
        limit, as_of = bounded(limit), _moment(as_of)
        if not limit:
            return []
        if as_of is None:
            return self._pending.read(partial(select_newest, self._rooms, agent=agent, status="active", limit=limit))
        return self._pending.read(partial(select_active_at, self._rooms, agent=agent, limit=limit, as_of=as_of))

    def observations(self, ids: Collection[str], *, as_of: datetime | None = None) -> list[Observation]:
        with explained(self.place, 0):
            require_encodable(ids)
        found = self._pending.read(partial(read_observations, self._rooms, set(ids)))
        then = (as_it_stood(stored.observation, stored.history, _moment(as_of)) for stored in found)
        return [item for item in then if item]

    def quarantined(self, *, agent: str, limit: int = 100) -> list[Observation]:
        limit = bounded(limit)
        if not limit:
            return []
        return self._pending.read(partial(select_newest, self._rooms, agent=agent, status="quarantined", limit=limit))

    def changes(
        self,
        *,
        agent: str | None = None,
        run: str | None = None,
        ops: Collection[Op] | None = None,
        until: datetime | None = None,
    ) -> Iterator[Change]:
        wanted, until = Wanted(agent, run, ops), _moment(until)
        changes = (change_from(document) for document in in_order(self._pages(wanted)))
        return (change for change in changes if wanted.takes(change, until))

    def _pages(self, wanted: Wanted) -> Iterator[Document]:
        if wanted.ops is not None and not wanted.ops:
            return
        query = wanted.query(self._rooms)
        page = self._find(query)
        while page:
            yield from page
            page = self._find(query.start_after(page[-1])) if len(page) == PAGE else []

    def _find(self, query: Any) -> list[Document]:  # noqa: ANN401 (queries have no common class)
        return self._pending.read(lambda attempt: attempt.find(query))

    def history(self, *, observation: str) -> list[Change]:
        return self._pending.read(partial(read_history, self._rooms, observation))

    def state(self, *, agent: str, as_of: datetime | None = None) -> State:
        return State.read(self.changes(agent=agent, ops=STATE_OPS, until=as_of))

    def journal(self, *, agent: str, limit: int = 5, as_of: datetime | None = None) -> list[JournalEntry]:
        changes = self.changes(agent=agent, ops=("write_journal", "revert"), until=as_of)
        entries = State.read(changes).journal.values()
        return sorted(entries, key=lambda entry: (entry.at, entry.id), reverse=True)[: bounded(limit)]

    def count(self, *, agent: str, as_of: datetime | None = None) -> int:
        return self._pending.read(partial(count_active, self._rooms, agent=agent, as_of=_moment(as_of)))

    def agents(self) -> list[str]:
        self._pending.read(lambda _: None)
        with self._connection.bounded():
            return sorted(name_of(agent.id) for agent in self._rooms.agents.list_documents())

    @property
    def embedder(self) -> str:
        return self._pending.read(partial(embedder_of, self._rooms))

    def reindex(self, embedder: Embedder) -> int:
        require_dimensions(self.place, embedder)
        count = rebuild(self._pending, self._rooms, embedder)
        self._embedder = self._writer.embedder = embedder
        return count

    def forget(self, *, agent: str) -> Forgotten:
        forgotten = self._pending.write(lambda attempt: self._pending.decide_to_forget(attempt, agent))
        # Nor may anything stay that was put aside for it.
        self._pending.sweep(older_than=timedelta(0))
        self._pending.settle()
        self._statistics.pop(agent, None)
        return forgotten

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _moment(time: datetime | None) -> datetime | None:
    return None if time is None else in_utc(time)
