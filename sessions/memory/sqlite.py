"""The embedded memory: one SQLite file, searched by words and by meaning. Many processes may share it."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from sessions.errors import MemoryStoreError
from sessions.memory.base import Forgotten, JournalEntry, Observation, Remembered
from sessions.memory.database import configure, connect, explained, transaction
from sessions.memory.embedder import Embedder, static_table
from sessions.memory.forgetting import forget_agent
from sessions.memory.rows import (
    ENTRY_FIELDS,
    OBSERVATION_FIELDS,
    entry_from,
    entry_row,
    observation_from,
    observation_row,
)
from sessions.memory.schema import claim_embedder, migrate, require_memory
from sessions.memory.search import DEPTH, search
from sessions.memory.vectors import AgentVectors, write_vector

#: How long to wait for another process that writes.
WAIT_SECONDS = 30.0


class SqliteMemory:
    """A `Memory` in the file at `path`, made if it is not there. Threads may share it; they take turns.

    `migrated_copy` is where the older file was copied to, if opening it brought it to a newer version.

    Raises:
        MemoryStoreError: the file is no memory, is a newer one, was built with another embedder, or cannot be
            written. It is then left as it was.
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
        self._require_embedder()

    def _require_embedder(self) -> None:
        built_with = claim_embedder(self._connection, self._embedder.name)
        if built_with != self._embedder.name:
            raise MemoryStoreError(
                f"the memory {self.path} was built with the embedder {built_with!r}, and this program has "
                f"{self._embedder.name!r}; their vectors cannot be mixed: use the version that built it, or point "
                "SESSIONS_MEMORY_URL at another file",
                url=f"sqlite:///{self.path}",
            )

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._turn, explained(self.path, wait=self._wait_seconds):
            yield self._connection

    def remember(self, observations: Sequence[Observation], journal: JournalEntry | None = None) -> Remembered:
        with self._using() as connection:
            known = {seen.id for seen in observations if self._knows(seen.id)}
            # Tokens are found before the one place for writers is taken.
            tokens = {new.id: self._embedder.tokenize(_indexed(new)) for new in observations if new.id not in known}
            added: list[str] = []
            with transaction(connection):
                for observation in observations:
                    if observation.id not in known and not self._knows(observation.id):
                        self._add(observation, tokens[observation.id])
                        added.append(observation.id)
                if journal:
                    self._add_entry(journal)
        others = dict.fromkeys(seen.id for seen in observations if seen.id not in added)
        return Remembered(added=tuple(added), known=tuple(others))

    def _knows(self, observation_id: str) -> bool:
        found = self._connection.execute("SELECT 1 FROM observations WHERE id = ?", (observation_id,))
        return found.fetchone() is not None

    def _add(self, observation: Observation, tokens: Sequence[int]) -> None:
        agent = observation.agent
        slot = self._next_slot(agent)
        marks = ", ".join("?" * len(row := observation_row(observation)))
        cursor = self._connection.execute(
            f"INSERT INTO observations (slot, {OBSERVATION_FIELDS}) VALUES (?, {marks})",  # noqa: S608
            (slot, *row),
        )
        self._connection.execute(
            "INSERT INTO words (rowid, text, quote, context) SELECT seq, text, quote, context FROM observations "
            "WHERE seq = ?",
            (cursor.lastrowid,),
        )
        self._connection.executemany(
            "INSERT INTO tokens VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET documents = documents + 1",
            ((agent, token) for token in sorted(set(tokens))),
        )
        write_vector(self._connection, agent=agent, slot=slot, vector=self._embedder.embed(tokens))

    def _next_slot(self, agent: str) -> int:
        """The agent's next free slot, counted as taken."""
        self._connection.execute(
            "INSERT INTO agents VALUES (?, 1) ON CONFLICT DO UPDATE SET observations = observations + 1", (agent,)
        )
        return self._learned(agent) - 1

    def _learned(self, agent: str) -> int:
        """How many observations the agent ever had."""
        row = self._connection.execute("SELECT observations FROM agents WHERE name = ?", (agent,)).fetchone()
        return int(row[0]) if row else 0

    def _add_entry(self, entry: JournalEntry) -> None:
        marks = ", ".join("?" * len(row := entry_row(entry)))
        self._connection.execute(
            f"INSERT INTO journal ({ENTRY_FIELDS}) VALUES ({marks}) ON CONFLICT DO NOTHING",  # noqa: S608
            row,
        )

    def recall(self, *, agent: str, query: str, limit: int = 10) -> list[Observation]:
        with self._using() as connection:
            learned, limit = self._learned(agent), _bounded(limit)
            if not learned or not query.strip() or not limit:
                return []
            vectors = self._vectors.setdefault(agent, AgentVectors(agent, self._embedder.dimensions))
            vectors.refresh(connection, learned)
            best = search(
                connection,
                agent=agent,
                query=query,
                vectors=vectors,
                embedder=self._embedder,
                depth=max(DEPTH, limit),
            )
            return [self._observation(seq) for seq in best[:limit]]

    def _observation(self, seq: int) -> Observation:
        found = self._connection.execute(
            f"SELECT {OBSERVATION_FIELDS} FROM observations WHERE seq = ?",  # noqa: S608
            (seq,),
        )
        return observation_from(found.fetchone())

    def latest(self, *, agent: str, limit: int = 10) -> list[Observation]:
        with self._using() as connection:
            rows = connection.execute(
                f"SELECT {OBSERVATION_FIELDS} FROM observations WHERE agent = ? AND status = 'active' "  # noqa: S608
                "ORDER BY created_at DESC, seq DESC LIMIT ?",
                (agent, _bounded(limit)),
            )
            return [observation_from(row) for row in rows]

    def journal(self, *, agent: str, limit: int = 5) -> list[JournalEntry]:
        with self._using() as connection:
            rows = connection.execute(
                f"SELECT {ENTRY_FIELDS} FROM journal WHERE agent = ? ORDER BY at DESC, seq DESC LIMIT ?",  # noqa: S608
                (agent, _bounded(limit)),
            )
            return [entry_from(row) for row in rows]

    def count(self, *, agent: str) -> int:
        with self._using() as connection:
            found = connection.execute(
                "SELECT count(*) FROM observations WHERE agent = ? AND status = 'active'", (agent,)
            )
            return int(found.fetchone()[0])

    def forget(self, *, agent: str) -> Forgotten:
        with self._using() as connection:
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


def _bounded(limit: int) -> int:
    # SQLite takes a negative limit for none at all, and no integer beyond 64 bits.
    return min(max(limit, 0), 1_000_000)


def _indexed(observation: Observation) -> str:
    """What is embedded: the text, the words it came from, and the turn before them, as the word index has them."""
    return "\n".join(part for part in (observation.text, observation.quote, observation.context) if part)
