"""An embedder whose vectors have any length."""

from collections.abc import Callable, Sequence

import numpy as np

from sessions.memory.embedder import Embedded, Rarity, Vector


class AnEmbedder:
    """Every text gets the same vector, of so many numbers; `before` is done first when texts are embedded."""

    def __init__(self, dimensions: int, *, before: Callable[[], object] = lambda: None) -> None:
        self.name = f"the same {dimensions} numbers"
        self.dimensions = dimensions
        self._before = before

    def preload(self) -> None:
        pass

    def embed_texts(self, texts: Sequence[str]) -> list[Embedded]:
        self._before()
        return [Embedded([], self.embed_query(text, list)) for text in texts]

    def embed_query(self, query: str, rarity: Rarity) -> Vector:
        del query, rarity
        return np.full(self.dimensions, self.dimensions**-0.5, dtype=np.float32)
