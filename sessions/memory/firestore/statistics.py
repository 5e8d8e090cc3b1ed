"""In how many of an agent's observations each word stands, without a counter that all writers would wait for.

Every batch writes a document of its own with what it adds, in its transaction; a reader adds them up, and reads only
those it has not seen. Now and then a writer folds them into one.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Self

from pydantic import BaseModel

from sessions.memory.firestore.connection import Attempt, Document
from sessions.memory.firestore.documents import Fields
from sessions.memory.firestore.rooms import Rooms

#: Of more stems, those that stand in one observation alone are not kept: one that is not known counts as such.
MAX_STEMS = 40_000


class Statistics(BaseModel):
    """What the observations of an agent, active or not, come to.

    `words` is how many they have together; `stems` and `tokens` say in how many of them each stands. `pruned`: stems
    that stand in one alone may be missing.
    """

    observations: int = 0
    words: int = 0
    stems: Counter[str] = Counter()
    tokens: Counter[int] = Counter()
    pruned: bool = False

    @classmethod
    def of(cls, counts: Sequence[Mapping[str, int]], tokens: Iterable[Sequence[int]]) -> Self:
        """What observations come to: each with its stems, how often each stands in it, and its tokens."""
        return cls(
            observations=len(counts),
            words=sum(sum(each.values()) for each in counts),
            stems=Counter(stem for each in counts for stem in each),
            tokens=Counter(token for each in tokens for token in set(each)),
        )

    @classmethod
    def total(cls, parts: Iterable["Statistics"]) -> Self:
        """All of them together."""
        whole = cls()
        for part in parts:
            whole.observations += part.observations
            whole.words += part.words
            whole.stems.update(part.stems)
            whole.tokens.update(part.tokens)
            whole.pruned |= part.pruned
        return whole

    def documents_with(self, stem: str) -> int:
        """In how many observations the stem stands, as far as is known."""
        return self.stems.get(stem, 1 if self.pruned else 0)

    def fields(self) -> Fields:
        """The document that holds them."""
        pruned = len(self.stems) > MAX_STEMS
        stems = Counter(dict(self.stems.most_common(MAX_STEMS))) if pruned else self.stems
        kept = self.model_copy(update={"stems": stems, "pruned": pruned or self.pruned})
        return {"counts": zlib.compress(kept.model_dump_json().encode())}


class KnownStatistics:
    """One agent's statistics, kept in memory. Threads may share them."""

    def __init__(self) -> None:
        self._known: tuple[dict[str, Statistics], Statistics] = ({}, Statistics())

    def refresh(self, rooms: Rooms, attempt: Attempt, agent: str) -> Statistics:
        """As they are now: what is new is read, what was forgotten or folded is dropped."""
        collection = rooms.statistics(agent)
        parts, whole = self._known
        names = {each.id for each in attempt.find(collection.select([]))}
        if names != parts.keys():
            new = [collection.document(name) for name in sorted(names - parts.keys())]
            read = {each.id: _read(each) for each in attempt.fetch_all(new)} if new else {}
            parts = {name: part for name, part in (parts | read).items() if name in names}
            whole = Statistics.total(parts.values())
            self._known = parts, whole
        return whole


def write_statistics(rooms: Rooms, attempt: Attempt, agent: str, ids: Iterable[str], added: Statistics) -> None:
    """Note what a batch adds; `ids` are those of its observations."""
    name = sha256("\x1f".join(ids).encode()).hexdigest()
    attempt.create(rooms.statistics(agent).document(name), added.fields())


def fold(rooms: Rooms, agent: str, attempt: Attempt) -> None:
    """Put one document in the place of many."""
    documents = attempt.find(rooms.statistics(agent))
    whole = Statistics.total(_read(document) for document in documents)
    replace_statistics(rooms, attempt, agent, documents, "", whole)


def replace_statistics(
    rooms: Rooms, attempt: Attempt, agent: str, former: Sequence[Document], embedder: str, whole: Statistics
) -> None:
    """Put one document in the place of those; the `embedder`, if it is another, makes it another document."""
    for document in former:
        attempt.delete(document.reference)
    write_statistics(rooms, attempt, agent, [embedder, *sorted(document.id for document in former)], whole)


def _read(document: Document) -> Statistics:
    return Statistics.model_validate_json(zlib.decompress(document.get("counts")))
