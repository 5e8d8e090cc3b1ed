"""Changes and observations as documents of Firestore, and back."""

import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from google.cloud import firestore
from google.cloud.firestore_v1.vector import Vector
from pydantic import TypeAdapter

from sessions.memory.changes import CHANGE, Change, as_json, subject_of
from sessions.memory.firestore.connection import Document
from sessions.memory.firestore.words import indexed_stems
from sessions.memory.statuses import StatusHistory
from sessions.memory.things import Observation

#: A body of more characters is kept compressed.
LONG = 50_000
#: Bytes that a body may come to: a document has room for 1 MiB, with the words and the vector it is found by.
MAX_BODY = 600_000
#: What of an observation is read; the words and the vector stay where they are: half the time of a search.
OBSERVATION_FIELDS = ("body", "history", "place")
#: Order in which one batch was written, within one moment.
PLACE = "place"
#: The server's time of the write, in milliseconds.
WRITTEN_AT = "written_at"

Fields = dict[str, Any]
_REASONS = TypeAdapter(dict[str, str])


class Stored(NamedTuple):
    """An observation as its document has it, and where it stands in the order in which they were added."""

    observation: Observation
    history: StatusHistory
    order: tuple[datetime, int]

    @classmethod
    def read(cls, document: Document) -> "Stored":
        """From a document that holds OBSERVATION_FIELDS."""
        observation = Observation.model_validate_json(unpacked(document.get("body")))
        history = StatusHistory.model_validate_json(unpacked(document.get("history")))
        return cls(observation, history, order_of(document))

    def now(self) -> Observation:
        """With the status it has."""
        last = self.history.transitions[-1]
        return self.observation.model_copy(update={"status": last.status, "reason": last.reason})

    def active_at(self, as_of: datetime) -> bool:
        """Whether it was learned and active then."""
        last = self.history.at(as_of)
        return self.observation.created_at <= as_of and last is not None and last.status == "active"

    def as_active(self) -> Observation:
        """As it stood when it was active."""
        return self.observation.model_copy(update={"status": "active", "reason": ""})


def order_of(document: Document) -> tuple[datetime, int]:
    """Where it stands among those that were written before and after: by the commit, then by the place in it."""
    return as_moment(document.create_time), document.get(PLACE)


def as_moment(time: Any) -> datetime:  # noqa: ANN401 (the client has one class or the other, by kind of query)
    """A time that the server noted."""
    moment: datetime = time if isinstance(time, datetime) else time.ToDatetime(tzinfo=UTC)
    return moment


def change_fields(change: Change, place: int) -> Fields:
    """A change of the log."""
    return {
        "id": change.id,
        "run": change.run,
        "op": change.op,
        "subject": subject_of(change),
        "body": packed(as_json(change)),
        PLACE: place,
        WRITTEN_AT: firestore.SERVER_TIMESTAMP,
    }


def change_from(document: Document) -> Change:
    """The change that `change_fields` made the document of."""
    return CHANGE.validate_json(unpacked(document.get("body")))


def observation_fields(observation: Observation, place: int, counts: Mapping[str, int], vector: bytes) -> Fields:
    """A new observation; `status_fields` are to be added.

    Args:
        observation: what was learned.
        place: where it stands in its batch.
        counts: how often each stem stands in it.
        vector: its numbers, as little-endian float32.
    """
    return {
        "id": observation.id,
        "created_at": observation.created_at,
        "body": packed(observation.model_dump_json()),
        "stems": indexed_stems(counts),
        PLACE: place,
        WRITTEN_AT: firestore.SERVER_TIMESTAMP,
        **vector_fields(vector),
    }


def vector_fields(vector: bytes) -> Fields:
    """The field of the vector; none for one of zeros, which is near to nothing."""
    numbers = np.frombuffer(vector, "<f4")
    return {"vector": Vector(numbers.tolist())} if numbers.any() else {}


def status_fields(history: StatusHistory) -> Fields:
    """What a change of the status changes in the document of an observation."""
    successors = (step.successor for step in history.steps if step.successor)
    return {
        "status": history.transitions[-1].status,
        "changed_at": max(each.at for each in history.transitions),
        "rests_on": sorted({*history.derived_from, *successors}),
        "history": packed(history.model_dump_json()),
    }


def reasons_fields(reasons: Mapping[str, str]) -> Fields:
    """The runs of an agent that were taken back, each with the reason that its observations get."""
    return {"body": packed(_REASONS.dump_json(dict(reasons)).decode())}


def reasons_from(document: Document) -> dict[str, str]:
    """What `reasons_fields` made the document of; nothing if there is none."""
    return _REASONS.validate_json(unpacked(document.get("body"))) if document.exists else {}


def packed(text: str) -> str | bytes:
    """As it is, or compressed if it is long."""
    return text if len(text) <= LONG else zlib.compress(text.encode())


def unpacked(body: str | bytes) -> str:
    """The text that `packed` was given."""
    return body if isinstance(body, str) else zlib.decompress(body).decode()


def too_large(change: Change) -> str:
    """Why the change has no room in a document; empty if it has."""
    text = as_json(change)
    if len(text) <= LONG or len(packed(text)) <= MAX_BODY:
        return ""
    return f"it is larger than a document of Firestore can be ({len(text):,} characters)"


def require_encodable(names: Iterable[str]) -> None:
    """See that names can be stored.

    Raises:
        UnicodeEncodeError: one has half of a surrogate pair.
    """
    for name in names:
        name.encode()
