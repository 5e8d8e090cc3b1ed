"""Reading the log of changes in Firestore, in order."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from google.cloud import firestore

from sessions.memory.changes import Change, Op
from sessions.memory.firestore.connection import Attempt, Document
from sessions.memory.firestore.documents import OBSERVATION_FIELDS, WRITTEN_AT, Stored, change_from, order_of
from sessions.memory.firestore.rooms import MAX_VALUES, Rooms, equal, one_of

#: How many changes are read at a time: a log can be longer than what should be in memory.
PAGE = 500
#: What bears on the status of an observation, as `sessions.memory.statuses.step_of` takes it.
STEPS = frozenset({"add", "supersede", "fade", "release"})
#: What names an observation as what it is about.
ABOUT_OBSERVATIONS = STEPS | {"confirm"}


class Wanted(NamedTuple):
    """Which part of the log. None stands for all."""

    agent: str | None = None
    run: str | None = None
    ops: Collection[Op] | None = None

    def query(self, rooms: Rooms) -> Any:  # noqa: ANN401 (queries have no common class)
        """The changes by the time they were written; those of a run are few, and not told apart by kind here."""
        log: firestore.Query | firestore.CollectionGroup | firestore.CollectionReference
        log = rooms.all_changes() if self.agent is None else rooms.changes(self.agent)
        if self.run is not None:
            log = log.where(filter=equal("run", self.run))
        elif self.ops is not None:
            log = log.where(filter=one_of("op", sorted(self.ops)))
        return log.order_by(WRITTEN_AT).limit(PAGE)

    def takes(self, change: Change, until: datetime | None) -> bool:
        """Whether the change is wanted, with what no query asks."""
        return (self.ops is None or change.op in self.ops) and (until is None or change.at <= until)


def in_order(documents: Iterable[Document]) -> Iterator[Document]:
    """Documents that come by WRITTEN_AT, in the true order: several batches may be of one millisecond."""
    for _, together in groupby(documents, lambda document: document.get(WRITTEN_AT)):
        yield from sorted(together, key=order_of)


def find_by_ids(
    attempt: Attempt, group: firestore.CollectionGroup, ids: Collection[str], fields: Iterable[str] | None = None
) -> Iterator[Document]:
    """The documents of the group that have one of these ids, in no order."""
    for some in portions(ids):
        query = group.where(filter=one_of("id", some))
        yield from attempt.find(query if fields is None else query.select(fields))


def read_observations(rooms: Rooms, ids: Collection[str], attempt: Attempt) -> list[Stored]:
    """Those of these observations that are there, of whichever agent, in the order they were added."""
    found = find_by_ids(attempt, rooms.all_observations(), ids, OBSERVATION_FIELDS)
    return sorted((Stored.read(document) for document in found), key=lambda stored: stored.order)


def read_history(rooms: Rooms, observation: str, attempt: Attempt) -> list[Change]:
    """What was done to the observation, in order: by name, or by taking back a run."""
    log = rooms.all_changes()
    about = attempt.find(log.where(filter=equal("subject", observation)))
    documents = {each.get("id"): each for each in about if each.get("op") in ABOUT_OBSERVATIONS}
    there = read_observations(rooms, [observation], attempt)
    moved_by = {each.change for stored in there for each in stored.history.transitions}
    documents |= {each.get("id"): each for each in find_by_ids(attempt, log, moved_by - documents.keys())}
    return [change_from(document) for document in sorted(documents.values(), key=order_of)]


def portions(ids: Collection[str]) -> Iterator[list[str]]:
    """The ids, as many at a time as Firestore takes in one query."""
    ordered = sorted(ids)
    return (ordered[start : start + MAX_VALUES] for start in range(0, len(ordered), MAX_VALUES))
