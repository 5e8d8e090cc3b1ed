"""How a query finds observations in Firestore: candidates by vector and by rare words, ranked as the SQLite store does.

Of random words, the hardest to agree on, 99 % of the best ten are those of the SQLite store at 1,000 observations, and
95 to 99 % at 5,000, for 130 to 530 documents read a query. With the three rarest words alone it was down to 39 %.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from google.cloud import firestore
from google.cloud.firestore_v1.base_vector_query import DistanceMeasure
from google.cloud.firestore_v1.vector import Vector

from sessions.memory.embedder import Embedder
from sessions.memory.firestore.connection import Attempt
from sessions.memory.firestore.documents import OBSERVATION_FIELDS, Stored
from sessions.memory.firestore.rooms import contains_any, equal
from sessions.memory.firestore.statistics import Statistics
from sessions.memory.firestore.words import MAX_STEM_CHARACTERS, bm25, rarity, stems_of
from sessions.memory.index import indexed_text
from sessions.memory.search import DEPTH, fuse, rarities, telling, words_of
from sessions.memory.things import Observation

#: Beside the rarest word of a query, others are asked for as long as no more observations than this have any of them.
CANDIDATES = 500
#: More are not read for their words: in a store where all words are frequent, the vectors have to tell.
MOST_CANDIDATES = 1_000
#: What one vector query can return at most.
MOST_NEAREST = 1_000
_DISTANCE = "distance"


class Search(NamedTuple):
    """What is searched: the agent's observations, what is known of their words, as of when, and how deep."""

    observations: firestore.CollectionReference
    statistics: Statistics
    as_of: datetime | None
    depth: int

    def active(self) -> Any:  # noqa: ANN401 (queries have no common class)
        """The observations that are active; as of another time all of them, as no query can tell."""
        return self.observations if self.as_of else self.observations.where(filter=equal("status", "active"))

    def takes(self, stored: Stored) -> bool:
        """Whether it was active at the time that was asked for."""
        return self.as_of is None or stored.active_at(self.as_of)


def search(attempt: Attempt, query: str, wanted: Search, embedder: Embedder) -> list[Observation]:
    """The active observations that speak to `query`, best first; the newest first among equals."""
    weights = weigh(query, wanted.statistics)
    by_meaning, near = find_by_meaning(attempt, query, wanted, embedder)
    candidates = near | find_by_words(attempt, list(weights), wanted)
    by_words = score_words(candidates, weights, wanted)
    scores = fuse(by_words, by_meaning)

    def rank(name: str) -> tuple[float, datetime, tuple[datetime, int]]:
        found = candidates[name]
        return round(scores[name], 6), found.observation.created_at, found.order

    return [candidates[name].as_active() for name in sorted(scores, key=rank, reverse=True)]


def weigh(query: str, statistics: Statistics) -> dict[str, float]:
    """The stems of the query that tell observations apart, rarest first, with what each weighs."""
    stored = statistics.observations
    words = words_of(query)
    stems = [stem[:MAX_STEM_CHARACTERS] for counts in stems_of(words) for stem in counts]
    counts = {stem: statistics.documents_with(stem) for stem in stems}
    # A stem that several words of the query have counts for each of them, as it does in FTS5.
    return {stem: rarity(counts[stem], stored) * stems.count(stem) for stem in telling(counts, stored)}


def find_by_words(attempt: Attempt, stems: Sequence[str], wanted: Search) -> dict[str, Stored]:
    """Active observations with one of the rarest of these stems, which come rarest first."""
    asked: list[str] = []
    having = 0
    for stem in stems:
        having += wanted.statistics.documents_with(stem)
        if asked and having > CANDIDATES:
            break
        asked.append(stem)
    if not asked:
        return {}
    query = wanted.active().where(filter=contains_any("stems", asked)).select(OBSERVATION_FIELDS)
    found = (Stored.read(document) for document in attempt.find(query.limit(MOST_CANDIDATES)))
    return {each.observation.id: each for each in found if wanted.takes(each)}


def find_by_meaning(
    attempt: Attempt, query: str, wanted: Search, embedder: Embedder
) -> tuple[dict[str, float], dict[str, Stored]]:
    """The nearest that are active and not turned away from the query: their cosines, and they themselves."""
    statistics = wanted.statistics
    aim = embedder.embed_query(query, lambda tokens: rarities(tokens, statistics.tokens, statistics.observations))
    if not aim.any():
        return {}, {}
    looked_at = MOST_NEAREST if wanted.as_of else min(wanted.depth, MOST_NEAREST)
    nearest = (
        wanted.active()
        .select([*OBSERVATION_FIELDS, _DISTANCE])
        .find_nearest(
            vector_field="vector",
            query_vector=Vector(aim.tolist()),
            distance_measure=DistanceMeasure.COSINE,
            limit=looked_at,
            distance_result_field=_DISTANCE,
        )
    )
    found = [(Stored.read(document), 1.0 - document.get(_DISTANCE)) for document in attempt.find(nearest)]
    taken = [(each, cosine) for each, cosine in found if cosine > 0 and wanted.takes(each)][: wanted.depth]
    cosines = {each.observation.id: cosine for each, cosine in taken}
    return cosines, {each.observation.id: each for each, _ in taken}


def score_words(candidates: dict[str, Stored], weights: dict[str, float], wanted: Search) -> dict[str, float]:
    """How well the words of each candidate answer, for the best of those that have any of them."""
    if not weights:
        return {}
    average = wanted.statistics.words / wanted.statistics.observations
    counts = stems_of([indexed_text(each.observation) for each in candidates.values()])
    scores = {name: bm25(each, weights, average) for name, each in zip(candidates, counts, strict=True)}
    best = sorted((name for name in scores if scores[name]), key=lambda name: scores[name], reverse=True)
    return {name: scores[name] for name in best[: max(wanted.depth, DEPTH)]}
