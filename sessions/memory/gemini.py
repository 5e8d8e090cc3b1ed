"""Vectors from Gemini: they see more than words, cost a call each time, and need a key and a network."""

from collections.abc import Sequence

import httpx2
import numpy as np
from google.genai import errors, types

from sessions.errors import MemoryStoreError
from sessions.gemini_api import NONSENSE, NOT_GEMINI, explain_gemini_error, open_gemini_models_in_turn
from sessions.memory.embedder import Embedded, Rarity, Vector
from sessions.settings import ModelAccess

#: The shortest of the lengths that the API recommends; a store of another kind takes 2,048 at most.
DIMENSIONS = 768
#: What the API takes in one call.
BATCH = 100
#: The model reads 2,048 tokens and drops the rest.
MAX_CHARACTERS = 8_000


class GeminiEmbedder:
    """See `sessions.memory.embedder.Embedder`. What fails for the moment is tried `retries` times again."""

    dimensions = DIMENSIONS

    def __init__(self, model: str, access: ModelAccess, *, retries: int) -> None:
        self.name = f"gemini {model} {DIMENSIONS}"
        self._model = model
        self._access = access
        self._retries = retries

    def preload(self) -> None:
        """Importing this module has loaded the client."""

    def embed_texts(self, texts: Sequence[str]) -> list[Embedded]:
        return [Embedded([], vector) for vector in self._embed(texts, "RETRIEVAL_DOCUMENT")]

    def embed_query(self, query: str, rarity: Rarity) -> Vector:
        # It weighs the words of a query by itself.
        del rarity
        return self._embed([query], "RETRIEVAL_QUERY")[0]

    def _embed(self, texts: Sequence[str], task: str) -> list[Vector]:
        """Blank texts, which the API refuses, are vectors of zeros."""
        readable = [text[:MAX_CHARACTERS].encode("utf-8", "replace").decode().strip() for text in texts]
        said = [text for text in readable if text]
        found = iter(self._ask(said, task) if said else [])
        return [next(found) if text else np.zeros(DIMENSIONS, dtype=np.float32) for text in readable]

    def _ask(self, texts: Sequence[str], task: str) -> list[Vector]:
        if not self._access.is_set:
            remedy = "set GEMINI_API_KEY, or GOOGLE_GEMINI_BASE_URL to a server that speaks the Gemini API"
            raise self._error(f"no model of google can be reached: {remedy}")
        config = types.EmbedContentConfig(task_type=task, output_dimensionality=DIMENSIONS)
        found: list[Vector] = []
        try:
            with open_gemini_models_in_turn(self._access, retries=self._retries) as models:
                for start in range(0, len(texts), BATCH):
                    # Contents, since some models would take bare texts for the parts of one.
                    batch = [types.Content(parts=[types.Part(text=text)]) for text in texts[start : start + BATCH]]
                    answer = models.embed_content(model=self._model, contents=list(batch), config=config)
                    found += self._read(answer, len(batch))
        except (errors.APIError, httpx2.TransportError, *NONSENSE) as error:
            raise self._error(explain_gemini_error(error)) from error
        return found

    def _read(self, answer: types.EmbedContentResponse, asked: int) -> list[Vector]:
        rows = [each.values or [] for each in answer.embeddings or []]
        if len(rows) != asked or any(len(row) != DIMENSIONS for row in rows):
            raise self._error(NOT_GEMINI)
        vectors = np.asarray(rows, dtype=np.float32)
        # Only vectors of the full length come at length 1.
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return list(vectors / np.where(lengths > 0, lengths, 1))

    def _error(self, why: str) -> MemoryStoreError:
        return MemoryStoreError(
            f"{self._model} could not embed what the memory holds or is asked: {why}", url=self.name
        )
