"""Builds the vectors of a memory anew, with another embedder."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sessions.memory.database import transaction
from sessions.memory.embedder import Embedder, Vector
from sessions.memory.index import joined
from sessions.memory.vectors import pack

#: How many observations are read and embedded at a time.
PAGE = 200


class _Kept(NamedTuple):
    """A vector, and the tokens that are counted, in as little memory as they take."""

    tokens: NDArray[np.int64]
    vector: Vector


class _Indexed(NamedTuple):
    """One observation of the file: where its vector stands, and what is embedded."""

    seq: int
    slot: int
    text: str


def rebuild(connection: sqlite3.Connection, embedder: Embedder) -> int:
    """Embed outside of any transaction, since it may take minutes, and write in one; how many observations."""
    found: dict[bytes, _Kept] = {}
    while True:
        _embed_missing(connection, embedder, found)
        with transaction(connection):
            # Others may have written meanwhile.
            if all(_key(one.text) in found for one in _indexed(connection)):
                return _write(connection, embedder, found)


def _embed_missing(connection: sqlite3.Connection, embedder: Embedder, found: dict[bytes, _Kept]) -> None:
    for page in _pages(connection):
        texts = {key: one.text for one in page if (key := _key(one.text)) not in found}
        for key, new in zip(texts, embedder.embed_texts(list(texts.values())), strict=True):
            found[key] = _Kept(np.unique(np.asarray(new.tokens, dtype=np.int64)), new.vector)


def _pages(connection: sqlite3.Connection) -> Iterator[list[_Indexed]]:
    """All observations, some at a time: nothing stays open in between, for whoever writes meanwhile."""
    after = -1
    while page := list(_indexed(connection, after=after, limit=PAGE)):
        yield page
        after = page[-1].seq


def _indexed(
    connection: sqlite3.Connection, *, after: int = -1, limit: int = -1, agent: str | None = None
) -> Iterator[_Indexed]:
    rows = connection.execute(
        """SELECT seq, slot, text, quote, context FROM observations
        WHERE seq > ?1 AND (?3 IS NULL OR agent = ?3) ORDER BY seq LIMIT ?2""",
        (after, limit, agent),
    )
    return (_Indexed(seq, slot, joined(*parts)) for seq, slot, *parts in rows)


def _key(text: str) -> bytes:
    return sha256(text.encode()).digest()


def _write(connection: sqlite3.Connection, embedder: Embedder, found: dict[bytes, _Kept]) -> int:
    for table in ("vectors", "tokens", "embedder"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608
    connection.execute("INSERT INTO embedder VALUES (?)", (embedder.name,))
    agents = connection.execute("SELECT name, observations FROM agents").fetchall()
    return sum(_write_agent(connection, agent, size, embedder.dimensions, found) for agent, size in agents)


def _write_agent(
    connection: sqlite3.Connection, agent: str, size: int, dimensions: int, found: dict[bytes, _Kept]
) -> int:
    """Write what one agent has; where something was forgotten, its place stays empty."""
    vectors = np.zeros((size, dimensions), dtype=np.float32)
    documents: Counter[int] = Counter()
    count = 0
    for one in _indexed(connection, agent=agent):
        kept = found[_key(one.text)]
        vectors[one.slot] = kept.vector
        documents.update(kept.tokens.tolist())
        count += 1
    _write_counts(connection, agent, documents.items())
    connection.executemany(
        "INSERT INTO vectors (agent, block, data) VALUES (?, ?, ?)",
        ((agent, block, data) for block, data in enumerate(pack(vectors))),
    )
    return count


def _write_counts(connection: sqlite3.Connection, agent: str, counts: Iterable[tuple[int, int]]) -> None:
    connection.executemany("INSERT INTO tokens VALUES (?, ?, ?)", ((agent, *count) for count in sorted(counts)))
