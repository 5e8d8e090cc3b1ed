"""An agent's vectors: packed in blocks of 1,024 in the file, scanned whole. Exact, and fast enough to a million."""

import sqlite3
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sessions.memory.embedder import Vector

#: Vectors in a row of the file.
BLOCK = 1024
FLOAT32 = np.dtype("<f4")


def write_vector(connection: sqlite3.Connection, *, agent: str, slot: int, vector: Vector) -> None:
    """Put `vector` at `slot` of the agent's; only the pages it stands on are written. Call it in a transaction."""
    data = vector.astype(FLOAT32).tobytes()
    block, place = divmod(slot, BLOCK)
    if place == 0:
        connection.execute(
            "INSERT INTO vectors (agent, block, data) VALUES (?, ?, zeroblob(?))", (agent, block, len(data) * BLOCK)
        )
    row = connection.execute("SELECT seq FROM vectors WHERE agent = ? AND block = ?", (agent, block)).fetchone()[0]
    with connection.blobopen("vectors", "data", row) as blob:
        blob.seek(place * len(data))
        blob.write(data)


def pack(vectors: NDArray[np.float32]) -> Iterator[bytes]:
    """The blocks that hold `vectors`, the last filled up with zeros."""
    for start in range(0, len(vectors), BLOCK):
        part = vectors[start : start + BLOCK]
        filled = np.concatenate([part, np.zeros((BLOCK - len(part), vectors.shape[1]), dtype=np.float32)])
        yield filled.astype(FLOAT32).tobytes()


class AgentVectors:
    """What one agent's vectors are, kept in memory. Vectors are only ever added, so only new blocks are read."""

    def __init__(self, agent: str, dimensions: int) -> None:
        self._agent = agent
        self._dimensions = dimensions
        self._blocks: list[NDArray[np.float32]] = []
        self._size = 0

    def refresh(self, connection: sqlite3.Connection, size: int) -> None:
        """Read what the file holds beyond what is here; `size` is how many vectors it holds."""
        if size == self._size:
            return
        whole = self._size // BLOCK
        rows = connection.execute(
            "SELECT data FROM vectors WHERE agent = ? AND block >= ? ORDER BY block", (self._agent, whole)
        )
        self._blocks[whole:] = [np.frombuffer(data, FLOAT32).reshape(BLOCK, self._dimensions) for (data,) in rows]
        self._size = size

    def cosines(self, query: Vector) -> NDArray[np.float32]:
        """How near each vector is to `query`, by slot. Both have length 1."""
        return np.concatenate([block @ query for block in self._blocks])[: self._size]
