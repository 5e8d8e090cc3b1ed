"""The Gemini API's embeddings: made from a text's words alone, so that texts that share words are near each other."""

import math
import re
from hashlib import sha256

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from sessions.offline.message import JsonObject
from sessions.offline.request import RequestError

METHODS = ("embedContent", "batchEmbedContents")
#: What the real API takes in one call.
MOST_TEXTS = 100
_WORD = re.compile(r"\w+")


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class _Part(_Wire):
    text: str


class _Content(_Wire):
    parts: list[_Part] = Field(min_length=1)


class _EmbedContent(_Wire):
    content: _Content
    output_dimensionality: int = Field(3072, ge=1, le=3072)

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.content.parts)


class _BatchEmbedContents(_Wire):
    requests: list[_EmbedContent] = Field(min_length=1, max_length=MOST_TEXTS)


def embed(sent: JsonObject) -> JsonObject:
    """The answer to the body of a call of one of METHODS.

    Raises:
        RequestError: it is not one.
    """
    vectors = [_embedding(each) for each in _read(sent).requests]
    return {"embeddings": vectors} if "requests" in sent else {"embedding": vectors[0]}


def text_of(sent: JsonObject) -> str:
    """All that such a body wants to have embedded.

    Raises:
        RequestError: it is not one.
    """
    return "\n".join(each.text for each in _read(sent).requests)


def _read(sent: JsonObject) -> _BatchEmbedContents:
    """A body that asks for one vector is read as one that asks for a batch of one."""
    try:
        return _BatchEmbedContents.model_validate(sent if "requests" in sent else {"requests": [sent]})
    except ValidationError as error:
        first = error.errors()[0]
        raise RequestError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _embedding(asked: _EmbedContent) -> JsonObject:
    """Each word is a direction, found by its hash. Like the real API's shortened vectors it is not of length 1."""
    size = asked.output_dimensionality
    values = [0.0] * size
    for word in _WORD.findall(asked.text.lower()) or [asked.text]:
        digest = sha256(word.encode()).digest()
        for start in range(0, 16, 4):
            place = int.from_bytes(digest[start : start + 4], "big") % size
            values[place] += 1.0 if digest[16 + start] % 2 else -1.0
    # Never all zeros, which would be near nothing.
    values[0] += 1e-3
    return {"values": [round(value / math.sqrt(size), 6) for value in values]}
