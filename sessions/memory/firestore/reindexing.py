"""Builds the vectors of a Firestore memory anew, with another embedder.

They are put aside first, which may take minutes in which others write; then decided and carried out like any large
batch (`sessions.memory.firestore.pending`).
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import NamedTuple

from google.cloud.firestore import Query

from sessions.memory.changes import identity
from sessions.memory.embedder import Embedded, Embedder
from sessions.memory.firestore.batches import NewStatistics, NewVector, Part
from sessions.memory.firestore.connection import Attempt, Document
from sessions.memory.firestore.documents import OBSERVATION_FIELDS, WRITTEN_AT, Stored, as_moment
from sessions.memory.firestore.format import claim_embedder
from sessions.memory.firestore.pending import Pending
from sessions.memory.firestore.rooms import Rooms
from sessions.memory.firestore.statistics import Statistics
from sessions.memory.firestore.words import stems_of
from sessions.memory.index import indexed_text
from sessions.memory.things import Observation

#: How many observations are read, embedded and put aside at a time.
PAGE = 100


class _Before(NamedTuple):
    """What was there when the embedding began; where it changes, something was added or forgotten meanwhile."""

    observations: int
    newest: tuple[str, datetime] | None


def rebuild(pending: Pending, rooms: Rooms, embedder: Embedder) -> int:
    """Give every observation a vector of `embedder`, all or nothing; how many observations."""
    found: dict[str, Embedded] = {}
    batch = identity("reindex", embedder.name)
    while True:
        before = pending.read(partial(_look, rooms))
        parts = pending.put_aside(batch, _new_parts(pending, rooms, embedder, found))
        if pending.write(partial(_decide, pending, rooms, batch, parts, before, embedder.name)):
            pending.settle()
            return before.observations


def _look(rooms: Rooms, attempt: Attempt) -> _Before:
    everything = rooms.all_observations()
    newest = attempt.find(everything.order_by(WRITTEN_AT, direction=Query.DESCENDING).limit(1).select([]))
    latest = [(each.reference.path, as_moment(each.create_time)) for each in newest]
    return _Before(attempt.count(everything), latest[0] if latest else None)


def _decide(
    pending: Pending, rooms: Rooms, batch: str, parts: int, before: _Before, embedder: str, attempt: Attempt
) -> bool:
    """Let the new vectors be taken, if they are those of all that is there by now."""
    if _look(rooms, attempt) != before or not pending.decide(attempt, batch, parts):
        return False
    claim_embedder(rooms, attempt, embedder)
    return True


def _new_parts(pending: Pending, rooms: Rooms, embedder: Embedder, found: dict[str, Embedded]) -> Iterator[Part]:
    """New vectors, some at a time, and at the end the new statistics of each agent; `found` keeps what is embedded."""
    statistics: dict[str, Statistics] = {}
    for page in _pages(pending, rooms):
        texts = {each.id: indexed_text(each) for each in page if each.id not in found}
        found.update(zip(texts, embedder.embed_texts(list(texts.values())), strict=True) if texts else ())
        yield Part(vectors=[NewVector.of(each, found[each.id]) for each in page])
        for each, counts in zip(page, stems_of([indexed_text(each) for each in page]), strict=True):
            added = Statistics.of([counts], [found[each.id].tokens])
            statistics[each.agent] = Statistics.total([statistics.get(each.agent, Statistics()), added])
    for agent, whole in statistics.items():
        yield Part(statistics=[NewStatistics(agent=agent, embedder=embedder.name, statistics=whole)])


def _pages(pending: Pending, rooms: Rooms) -> Iterator[list[Observation]]:
    query = rooms.all_observations().order_by(WRITTEN_AT).select([*OBSERVATION_FIELDS, WRITTEN_AT]).limit(PAGE)
    page = pending.read(lambda attempt: attempt.find(query))
    while page:
        yield [Stored.read(document).observation for document in page]
        rest = query.start_after(page[-1])
        page = pending.read(partial(_find, rest))


def _find(query: Query, attempt: Attempt) -> list[Document]:
    return attempt.find(query)
