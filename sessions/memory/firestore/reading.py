"""Observations out of Firestore, as they stand now or stood at a time."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from google.cloud.firestore import FieldFilter, Query

from sessions.memory.firestore.connection import Attempt
from sessions.memory.firestore.documents import OBSERVATION_FIELDS, PLACE, WRITTEN_AT, Stored
from sessions.memory.firestore.rooms import Rooms, equal
from sessions.memory.things import Observation, Status

#: How many observations are read at a time where not all that are read are wanted.
PAGE = 100


def select_newest(rooms: Rooms, attempt: Attempt, *, agent: str, status: Status, limit: int) -> list[Observation]:
    """The newest of that status, newest first."""
    query = _newest_first(rooms.observations(agent).where(filter=equal("status", status))).limit(limit)
    return [Stored.read(document).now() for document in attempt.find(query)]


def select_active_at(rooms: Rooms, attempt: Attempt, *, agent: str, limit: int, as_of: datetime) -> list[Observation]:
    """The newest that were active then, newest first."""
    active = (each for each in _learned_by(rooms, attempt, agent, as_of) if each.active_at(as_of))
    return [each.as_active() for each in islice(active, limit)]


def count_active(rooms: Rooms, attempt: Attempt, *, agent: str, as_of: datetime | None) -> int:
    """How many are active. Of another time than now, what happened since is read and taken off."""
    observations = rooms.observations(agent)
    now = attempt.count(observations.where(filter=equal("status", "active")))
    if as_of is None:
        return now
    later = {
        document.id: Stored.read(document)
        for field in ("changed_at", "created_at")
        for document in attempt.find(
            observations.where(filter=FieldFilter(field, ">", as_of)).select(OBSERVATION_FIELDS)
        )
    }
    then = sum(each.active_at(as_of) for each in later.values())
    return now - sum(each.now().status == "active" for each in later.values()) + then


def _learned_by(rooms: Rooms, attempt: Attempt, agent: str, as_of: datetime) -> Iterator[Stored]:
    query = _newest_first(rooms.observations(agent).where(filter=FieldFilter("created_at", "<=", as_of)))
    page = attempt.find(query.limit(PAGE))
    while page:
        yield from (Stored.read(document) for document in page)
        page = attempt.find(query.start_after(page[-1]).limit(PAGE))


def _newest_first(query: Any) -> Any:  # noqa: ANN401 (queries have no common class)
    for field in ("created_at", WRITTEN_AT, PLACE):
        query = query.order_by(field, direction=Query.DESCENDING)
    return query.select([*OBSERVATION_FIELDS, "created_at", WRITTEN_AT])
