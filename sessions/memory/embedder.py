"""Turns text into vectors: one Protocol, and the table of static word vectors that comes with the project."""

import importlib.util
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sessions.errors import MemoryStoreError
from sessions.settings import Settings

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Vector = NDArray[np.float32]

#: Beyond this a text is embedded by its beginning: a mean over more words says no more, and costs time.
MAX_CHARACTERS = 20_000


#: A weight for each token. A store counts in how many of its texts each stands.
Rarity = Callable[[Sequence[int]], Sequence[float]]


class Embedded(NamedTuple):
    """A text as a vector, and its tokens; none where the embedder does not ask how rare they are."""

    tokens: list[int]
    vector: Vector


class Embedder(Protocol):
    """Turns texts and queries into vectors of length 1, or of zeros where there is nothing to embed.

    `name` changes whenever the same text would get another vector; a store never mixes two names.
    """

    @property
    def name(self) -> str:
        """Which embedder, in which version."""
        ...

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        ...

    def preload(self) -> None:
        """Load what the first use would load; asks nobody."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> list[Embedded]:
        """What is to be found, in the order it came.

        Raises:
            MemoryStoreError: it cannot be embedded now, or not by this program.
        """
        ...

    def embed_query(self, query: str, rarity: Rarity) -> Vector:
        """What is searched for; `rarity` says how much each of some tokens tells apart what the store holds.

        Raises:
            MemoryStoreError: as above.
        """
        ...


class StaticTable:
    """256-d static word vectors: wordllama's table, read directly, loaded when it is first needed (0.2 s)."""

    name = "wordllama l2_supercat 256"
    dimensions = 256

    @cached_property
    def _table(self) -> NDArray[np.float16]:
        # Only who embeds pays for these imports.
        from safetensors import SafetensorError  # noqa: PLC0415
        from safetensors.numpy import load_file  # noqa: PLC0415

        file = _wordllama_file("weights/l2_supercat_256.safetensors")
        try:
            rows: NDArray[np.float16] = load_file(file)["embedding.weight"]
        except (SafetensorError, KeyError) as error:
            raise _broken(file, f"cannot be read ({error})") from error
        return rows

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer  # noqa: PLC0415

        file = _wordllama_file("tokenizers/l2_supercat_tokenizer_config.json")
        try:
            return Tokenizer.from_buffer(file.read_bytes())
        except ValueError as error:
            raise _broken(file, f"cannot be read ({error})") from error

    def preload(self) -> None:
        self.embed(self.tokenize("warm"))

    def embed_texts(self, texts: Sequence[str]) -> list[Embedded]:
        return [Embedded(tokens := self.tokenize(text), self.embed(tokens)) for text in texts]

    def embed_query(self, query: str, rarity: Rarity) -> Vector:
        tokens = self.tokenize(query)
        return self.embed(tokens, rarity(tokens))

    def tokenize(self, text: str) -> list[int]:
        """The token ids of `text`, in order, repeated ones included."""
        beginning = text[:MAX_CHARACTERS].strip().encode("utf-8", "replace").decode()
        ids: list[int] = self._tokenizer.encode(beginning, add_special_tokens=False).ids
        return ids

    def embed(self, tokens: Sequence[int], weights: Sequence[float] | None = None) -> Vector:
        """The weighted mean of `tokens` at length 1; all zeros where there is nothing to embed."""
        if not tokens:
            return np.zeros(self.dimensions, dtype=np.float32)
        rows = self._table[np.asarray(tokens)].astype(np.float32)
        total = rows.sum(axis=0) if weights is None else np.asarray(weights, dtype=np.float32) @ rows
        length = float(np.linalg.norm(total))
        unit: Vector = total / np.float32(length or 1.0)
        return unit


def open_embedder(settings: Settings) -> Embedder:
    """The embedder that SESSIONS_MEMORY_EMBEDDER names."""
    kind, _, model = settings.memory_embedder.partition("/")
    if kind == "static":
        return static_table()
    # Its client takes a second to import.
    from sessions.memory.gemini import GeminiEmbedder  # noqa: PLC0415

    return GeminiEmbedder(model, settings.model_access("google"), retries=settings.model_retries)


@cache
def static_table() -> StaticTable:
    """The one table of this process."""
    return StaticTable()


def _wordllama_file(inside: str) -> Path:
    # Found, not imported: the import is slow, and looks for the tokenizer in a folder that is not there.
    spec = importlib.util.find_spec("wordllama")
    folder = Path(spec.origin).parent if spec and spec.origin else Path.cwd() / "wordllama"
    file = folder / inside
    if not file.is_file():
        raise _broken(file, "is missing")
    return file


def _broken(file: Path, fault: str) -> MemoryStoreError:
    remedy = "install it with pip install --force-reinstall 'wordllama>=0.4.0.post1,<0.5'"
    return MemoryStoreError(f"{file}, of the table of word vectors, {fault}; {remedy}", url=file.as_uri())
