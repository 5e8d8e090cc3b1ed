"""What a plan has to know of the log, in the transaction in which it is carried out.

A query in a transaction keeps others from writing what it would find, in the emulator anything of that collection. So
what every batch asks is read by name: where an observation of another agent is, is looked up before the transaction,
and the runs that were taken back stand in a document of their own. Only taking back a run, which is rare, queries.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from google.cloud import firestore

from sessions.memory.changes import Change
from sessions.memory.firestore.connection import Attempt, Document
from sessions.memory.firestore.documents import OBSERVATION_FIELDS, Stored, reasons_from
from sessions.memory.firestore.log import STEPS, find_by_ids, portions
from sessions.memory.firestore.rooms import Rooms, as_id, contains_any, equal, name_of
from sessions.memory.statuses import StatusHistory, observations_of


class Whereabouts(NamedTuple):
    """Which agents have what a batch names: those it is of, and for single changes and observations others."""

    agents: frozenset[str]
    changes: dict[str, str]
    observations: dict[str, str]


def look_up(rooms: Rooms, changes: Sequence[Change], attempt: Attempt) -> Whereabouts:
    """Where the changes of a batch, and the observations they speak of, are, if they are there."""
    named = {name for change in changes for name in observations_of(change)}
    find = partial(find_by_ids, attempt, fields=["id"])
    return Whereabouts(
        frozenset(change.agent for change in changes),
        {each.get("id"): _agent_of(each) for each in find(rooms.all_changes(), {change.id for change in changes})},
        {each.get("id"): _agent_of(each) for each in find(rooms.all_observations(), named)},
    )


class FirestoreLog:
    """See `sessions.memory.transitions.Log`."""

    def __init__(self, rooms: Rooms, whereabouts: Whereabouts, attempt: Attempt) -> None:
        self._rooms = rooms
        self._where = whereabouts
        self._attempt = attempt

    def known(self, ids: Collection[str]) -> set[str]:
        references = [
            self._rooms.changes(agent).document(as_id(name))
            for name in sorted(ids)
            for agent in self._agents_with(self._where.changes.get(name))
        ]
        return {each.get("id") for each in self._fetch(references, ["id"])}

    def histories(self, ids: Collection[str]) -> dict[str, StatusHistory]:
        references = [
            self._rooms.observations(agent).document(as_id(name))
            for name in sorted(ids)
            for agent in self._agents_with(self._where.observations.get(name))
        ]
        found = (Stored.read(each) for each in self._fetch(references, OBSERVATION_FIELDS))
        return {each.observation.id: each.history for each in found}

    def reverted_runs(self, agent: str) -> dict[str, str]:
        return reasons_from(self._attempt.fetch(self._rooms.reverted(agent)))

    def changed_by(self, agent: str, run: str) -> set[str]:
        of_run = self._rooms.changes(agent).where(filter=equal("run", run)).select(["op", "subject"])
        return {document.get("subject") for document in self._attempt.find(of_run) if document.get("op") in STEPS}

    def resting_on(self, ids: Collection[str]) -> set[str]:
        group = self._rooms.all_observations()
        queries = (group.where(filter=contains_any("rests_on", some)).select(["id"]) for some in portions(ids))
        return {document.get("id") for query in queries for document in self._attempt.find(query)}

    def _agents_with(self, other: str | None) -> list[str]:
        return sorted(self._where.agents if other is None else self._where.agents | {other})

    def _fetch(self, references: Sequence[firestore.DocumentReference], fields: Iterable[str]) -> list[Document]:
        found = self._attempt.fetch_all(references, fields) if references else []
        return [each for each in found if each.exists]


def _agent_of(document: Document) -> str:
    return name_of(document.reference.parent.parent.id)
