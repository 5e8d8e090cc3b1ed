"""Other embedders than the default."""

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


class LetterEmbedder:
    """Counts letters. `before_each` is called before each lot of texts that it embeds."""

    name = "letters 1"
    dimensions = 128

    def __init__(self, before_each: Callable[[], object] = lambda: None) -> None:
        self._before_each = before_each

    def preload(self) -> None:
        pass

    def embed_texts(self, texts: Sequence[str]) -> list[Embedded]:
        self._before_each()
        return [Embedded([1, 1, 2], self._count(text)) for text in texts]

    def embed_query(self, query: str, rarity: Rarity) -> Vector:
        assert len(rarity([1, 2])) == 2
        return self._count(query)

    def _count(self, text: str) -> Vector:
        counts = np.bincount([ord(letter) % 128 for letter in text], minlength=128).astype(np.float32)
        return np.asarray(counts / np.linalg.norm(counts), dtype=np.float32)
