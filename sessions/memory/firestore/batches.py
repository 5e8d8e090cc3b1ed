"""What one `apply` writes, in parts that Firestore takes in one commit each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Self

from google.cloud.firestore import DELETE_FIELD
from pydantic import BaseModel, ConfigDict

from sessions.memory.changes import Add, Change, Revert
from sessions.memory.embedder import Embedded
from sessions.memory.firestore.connection import Attempt
from sessions.memory.firestore.documents import (
    change_fields,
    observation_fields,
    reasons_fields,
    reasons_from,
    status_fields,
    vector_fields,
)
from sessions.memory.firestore.rooms import Rooms, as_id
from sessions.memory.firestore.statistics import Statistics, replace_statistics, write_statistics
from sessions.memory.firestore.words import MAX_STEMS, stems_of
from sessions.memory.index import indexed_text
from sessions.memory.statuses import StatusHistory, reason_of
from sessions.memory.things import Observation
from sessions.memory.transitions import Plan

#: Bytes of a commit, by our own estimate; Firestore takes 10 MiB, with what the commit does to indexes.
MAX_COMMIT = 4_000_000
#: Characters of a part that is kept for later: it has to fit into one document.
MAX_PART = 800_000
BYTES_AS_TEXT = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
# What one entry of an index takes: the document's name, the value, and what Firestore adds.
_ENTRY = 250


class Placed(BaseModel):
    """A change, and where it stands in its batch."""

    place: int
    change: Change

    def weight(self) -> int:
        """Bytes of a commit."""
        return 10 * _ENTRY + 2 * len(self.change.model_dump_json())


class Addition(BaseModel):
    """A new observation, where it stands in its batch, its status, and its vector as little-endian float32."""

    model_config = BYTES_AS_TEXT

    place: int
    observation: Observation
    history: StatusHistory
    vector: bytes
    tokens: list[int]

    def weight(self) -> int:
        """Bytes of a commit: a word has an entry in two indexes."""
        characters = len(indexed_text(self.observation))
        return 20 * _ENTRY + 2 * characters + 10 * len(self.vector) + 2 * _ENTRY * min(characters // 6 + 1, MAX_STEMS)


class Move(BaseModel):
    """An observation that was there and has another status now."""

    history: StatusHistory

    def weight(self) -> int:
        """Bytes of a commit: the words of the observation, which are not known here, change in one index."""
        return 100 * _ENTRY + len(self.history.model_dump_json())


class NewVector(BaseModel):
    """The vector of another embedder, as little-endian float32, for an observation that is there."""

    model_config = BYTES_AS_TEXT

    agent: str
    observation: str
    vector: bytes

    @classmethod
    def of(cls, observation: Observation, embedded: Embedded) -> Self:
        """What an embedder found for the observation."""
        return cls(agent=observation.agent, observation=observation.id, vector=_bytes(embedded))


class NewStatistics(BaseModel):
    """What the observations of an agent come to with another embedder."""

    agent: str
    embedder: str
    statistics: Statistics


class TakenBack(BaseModel):
    """Runs of an agent that were taken back, each with the reason that its observations get."""

    agent: str
    reasons: dict[str, str]

    def weight(self) -> int:
        """Bytes of a commit."""
        return _ENTRY * len(self.reasons)


Item = Placed | Addition | Move | TakenBack


class Part(BaseModel):
    """What is written in one commit."""

    model_config = BYTES_AS_TEXT

    changes: list[Placed] = []
    added: list[Addition] = []
    moved: list[Move] = []
    taken_back: list[TakenBack] = []
    vectors: list[NewVector] = []
    statistics: list[NewStatistics] = []

    def write(self, rooms: Rooms, attempt: Attempt) -> None:
        """Write all of it; another change or observation of one of these ids makes the commit fail."""
        # Reads come before writes.
        former = [(each, attempt.find(rooms.statistics(each.agent).select([]))) for each in self.statistics]
        reasons = [reasons_from(attempt.fetch(rooms.reverted(each.agent))) for each in self.taken_back]
        for new, documents in former:
            replace_statistics(rooms, attempt, new.agent, documents, new.embedder, new.statistics)
        for runs, before in zip(self.taken_back, reasons, strict=True):
            attempt.set(rooms.reverted(runs.agent), reasons_fields(before | runs.reasons))
        for each in self.vectors:
            observation = rooms.observations(each.agent).document(as_id(each.observation))
            attempt.update(observation, {"vector": DELETE_FIELD} | vector_fields(each.vector))
        self._write_changes(rooms, attempt)
        self._write_added(rooms, attempt)

    def _write_changes(self, rooms: Rooms, attempt: Attempt) -> None:
        for each in self.changes:
            log = rooms.changes(each.change.agent)
            attempt.create(log.document(as_id(each.change.id)), change_fields(each.change, each.place))
        for moved in self.moved:
            history = moved.history
            observation = rooms.observations(history.agent).document(as_id(history.observation))
            attempt.update(observation, status_fields(history))

    def _write_added(self, rooms: Rooms, attempt: Attempt) -> None:
        counts = stems_of([indexed_text(each.observation) for each in self.added])
        for each, stems in zip(self.added, counts, strict=True):
            observation = each.observation
            fields = observation_fields(observation, each.place, stems, each.vector) | status_fields(each.history)
            attempt.create(rooms.observations(observation.agent).document(as_id(observation.id)), fields)
        for agent in sorted({each.observation.agent for each in self.added}):
            own = [at for at, each in enumerate(self.added) if each.observation.agent == agent]
            added = Statistics.of([counts[at] for at in own], [self.added[at].tokens for at in own])
            write_statistics(rooms, attempt, agent, (self.added[at].observation.id for at in own), added)

    @classmethod
    def containing(cls, items: Sequence[Item]) -> Self:
        """A part of these."""
        return cls(
            changes=[item for item in items if isinstance(item, Placed)],
            added=[item for item in items if isinstance(item, Addition)],
            moved=[item for item in items if isinstance(item, Move)],
            taken_back=[item for item in items if isinstance(item, TakenBack)],
        )


def parts_of(plan: Plan, embedded: Mapping[str, Embedded]) -> list[Part]:
    """What the plan writes, in as few parts as can be committed; `embedded` has the vectors, by the adding change."""
    portions: list[list[Item]] = [[]]
    weight = characters = 0
    for item in _items(plan, embedded):
        heavier, longer = item.weight(), len(item.model_dump_json())
        if portions[-1] and (weight + heavier > MAX_COMMIT or characters + longer > MAX_PART):
            portions.append([])
            weight = characters = 0
        portions[-1].append(item)
        weight, characters = weight + heavier, characters + longer
    return [Part.containing(portion) for portion in portions]


def _items(plan: Plan, embedded: Mapping[str, Embedded]) -> Iterator[Item]:
    yield from (Placed(place=place, change=change) for place, change in enumerate(plan.new))
    histories = dict(plan.histories)
    for place, change in enumerate(plan.new):
        if isinstance(change, Add):
            yield Addition(
                place=place,
                observation=change.observation,
                history=histories.pop(change.observation.id),
                vector=_bytes(embedded[change.id]),
                tokens=embedded[change.id].tokens,
            )
    yield from (Move(history=history) for history in histories.values())
    reverts = [change for change in plan.new if isinstance(change, Revert)]
    for agent in sorted({each.agent for each in reverts}):
        yield TakenBack(
            agent=agent, reasons={each.reverted: reason_of(each) for each in reverts if each.agent == agent}
        )


def _bytes(embedded: Embedded) -> bytes:
    return embedded.vector.astype("<f4").tobytes()
