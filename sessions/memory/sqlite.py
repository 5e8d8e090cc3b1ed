"""The embedded memory: one SQLite file, searched by words and by meaning. Many processes may share it."""

import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self

from sessions.errors import MemoryStoreError
from sessions.memory.base import Applied, Forgotten, Remembered, additions, bounded
from sessions.memory.changes import CHANGE, Add, Change, Op, storable
from sessions.memory.database import configure, connect, explained, snapshot, transaction
from sessions.memory.embedder import Embedded, Embedder, static_table
from sessions.memory.forgetting import forget_agent, forget_in_copies
from sessions.memory.index import index_observation, indexed_text, learned
from sessions.memory.log import (
    SqliteLog,
    Wanted,
    append,
    link,
    read_history,
    read_state_changes,
    write_transitions,
)
from sessions.memory.reading import (
    active_at,
    count_active,
    select_active,
    select_by_ids,
    select_found,
    select_quarantined,
)
from sessions.memory.reindexing import rebuild
from sessions.memory.schema import claim_embedder, embedder_of, migrate, require_memory
from sessions.memory.search import DEPTH, Search, search
from sessions.memory.state import STATE_OPS, State
from sessions.memory.statuses import as_it_stood
from sessions.memory.things import JournalEntry, Observation, in_utc
from sessions.memory.transitions import Plan, plan_changes
from sessions.memory.vectors import AgentVectors

#: How long to wait for another process that writes.
WAIT_SECONDS = 30.0


class SqliteMemory:
    """A `Memory` in the file at `path`, made if it is not there. Threads may share it; they take turns.

    `migrated_copy` is where the older file was copied to, if opening it brought it to a newer version.

    Raises:
        MemoryStoreError: the file is no memory, is a newer one, or cannot be written. It is then left as it was.
    """

    migrated_copy: Path | None = None

    def __init__(self, path: Path, *, embedder: Embedder | None = None, wait_seconds: float = WAIT_SECONDS) -> None:
        self.path = path
        self._embedder = embedder or static_table()
        self._wait_seconds = wait_seconds
        self._turn = threading.RLock()
        self._vectors: dict[str, AgentVectors] = {}
        with ExitStack() as unless_opened, explained(path, wait=wait_seconds):
            self._connection = connect(path, wait=wait_seconds)
            unless_opened.callback(self._connection.close)
            self._prepare()
            unless_opened.pop_all()

    def _prepare(self) -> None:
        require_memory(self._connection, self.path)
        configure(self._connection, wait=self._wait_seconds)
        self.migrated_copy = migrate(self._connection, self.path)

    def _require_embedder(self) -> None:
        built_with = embedder_of(self._connection)
        if built_with not in ("", self._embedder.name):
            raise MemoryStoreError(
                f"the memory {self.path} was built with the embedder {built_with!r}, and this program is set to "
                f"{self._embedder.name!r}; their vectors cannot be mixed: set SESSIONS_MEMORY_EMBEDDER back, or run "
                "`sessions memory reindex`",
                url=f"sqlite:///{self.path}",
            )

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._turn, explained(self.path, wait=self._wait_seconds):
            yield self._connection

    def apply(self, changes: Sequence[Change]) -> Applied:
        with self._using() as connection:
            changes = [storable(change) for change in changes]
            # Vectors are found before the one place for writers is taken.
            embedded = self._embed(changes)
            with transaction(connection):
                plan = plan_changes(changes, SqliteLog(connection))
                self._write(plan, embedded)
        return Applied(new=tuple(change.id for change in plan.new), known=tuple(plan.known), void=plan.void)

    def _write(self, plan: Plan, embedded: Mapping[str, Embedded]) -> None:
        if any(isinstance(change, Add) for change in plan.new):
            self._require_embedder()
            if not embedder_of(self._connection):
                claim_embedder(self._connection, self._embedder.name)
        for change in plan.new:
            append(self._connection, change)
            if isinstance(change, Add):
                # It may have been there when its vector would have been found, and forgotten since.
                found = embedded.get(change.id) or self._embedder.embed_texts([indexed_text(change.observation)])[0]
                index_observation(self._connection, change.observation, found)
            link(self._connection, change)
        write_transitions(self._connection, plan.transitions)

    def _embed(self, changes: Sequence[Change]) -> dict[str, Embedded]:
        """The vectors of the observations that are new, by the change that adds them."""
        known = SqliteLog(self._connection).known([change.id for change in changes])
        new = {each.id: each.observation for each in changes if isinstance(each, Add) and each.id not in known}
        if new:
            self._require_embedder()
        return dict(zip(new, self._embedder.embed_texts([indexed_text(one) for one in new.values()]), strict=True))

    def remember(self, observations: Sequence[Observation], journal: JournalEntry | None = None) -> Remembered:
        with explained(self.path, wait=self._wait_seconds):
            changes = additions(observations, journal)
        return Remembered.by(changes, self.apply(changes))

    def recall(self, *, agent: str, query: str, limit: int = 10, as_of: datetime | None = None) -> list[Observation]:
        with self._using() as connection, snapshot(connection):
            size, limit = learned(connection, agent), bounded(limit)
            if not size or not query.strip() or not limit:
                return []
            self._require_embedder()
            vectors = self._vectors.setdefault(agent, AgentVectors(agent, self._embedder.dimensions))
            vectors.refresh(connection, size)
            wanted = Search(agent=agent, active=active_at(as_of), depth=max(DEPTH, limit))
            best = search(connection, query, wanted, vectors=vectors, embedder=self._embedder)
            return select_found(connection, best[:limit], as_of)

    def latest(self, *, agent: str, limit: int = 10, as_of: datetime | None = None) -> list[Observation]:
        with self._using() as connection:
            return select_active(connection, agent=agent, limit=bounded(limit), as_of=as_of)

    def observations(self, ids: Collection[str], *, as_of: datetime | None = None) -> list[Observation]:
        with self._using() as connection, snapshot(connection):
            found = select_by_ids(connection, ids)
            if as_of is None:
                return found
            histories = SqliteLog(connection).histories(ids)
        then = (as_it_stood(item, histories[item.id], in_utc(as_of)) for item in found)
        return [item for item in then if item]

    def quarantined(self, *, agent: str, limit: int = 100) -> list[Observation]:
        with self._using() as connection:
            return select_quarantined(connection, agent=agent, limit=bounded(limit))

    def changes(
        self,
        *,
        agent: str | None = None,
        run: str | None = None,
        ops: Collection[Op] | None = None,
        until: datetime | None = None,
    ) -> Iterator[Change]:
        wanted, place = Wanted(agent, run, ops, until), -1
        while page := self._page(wanted, place):
            yield from (CHANGE.validate_json(line) for _, line in page)
            place = page[-1][0]

    def _page(self, wanted: Wanted, after: int) -> list[tuple[int, str]]:
        with self._using() as connection:
            return wanted.page(connection, after)

    def history(self, *, observation: str) -> list[Change]:
        with self._using() as connection:
            return read_history(connection, observation)

    def state(self, *, agent: str, as_of: datetime | None = None) -> State:
        return self._state(agent, STATE_OPS, as_of)

    def _state(self, agent: str, ops: Collection[str], as_of: datetime | None) -> State:
        with self._using() as connection:
            return State.read(read_state_changes(connection, agent=agent, ops=ops, until=as_of))

    def journal(self, *, agent: str, limit: int = 5, as_of: datetime | None = None) -> list[JournalEntry]:
        entries = self._state(agent, ("write_journal", "revert"), as_of).journal.values()
        return sorted(entries, key=lambda entry: (entry.at, entry.id), reverse=True)[: bounded(limit)]

    def count(self, *, agent: str, as_of: datetime | None = None) -> int:
        with self._using() as connection:
            return count_active(connection, agent=agent, as_of=as_of)

    def agents(self) -> list[str]:
        with self._using() as connection:
            rows = connection.execute(
                "SELECT name FROM agents WHERE EXISTS (SELECT 1 FROM changes WHERE agent = name) ORDER BY name"
            )
            return [name for (name,) in rows]

    @property
    def embedder(self) -> str:
        with self._using() as connection:
            return embedder_of(connection)

    def reindex(self, embedder: Embedder) -> int:
        with self._using() as connection:
            count = rebuild(connection, embedder)
            self._embedder = embedder
            self._vectors.clear()
            return count

    def forget(self, *, agent: str) -> Forgotten:
        with self._using() as connection:
            forget_in_copies(self.path, agent, wait=self._wait_seconds)
            # What is deleted is overwritten in the file, and the log of writes is emptied behind it.
            connection.execute("PRAGMA secure_delete = ON")
            with transaction(connection):
                forgotten = forget_agent(connection, agent)
            self._vectors.pop(agent, None)
            connection.execute("PRAGMA secure_delete = OFF")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return forgotten

    def close(self) -> None:
        with self._using() as connection:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
