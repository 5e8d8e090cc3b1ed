"""What is decided and takes more than one commit: a large batch, and the forgetting of an agent (ADR 0023).

A batch is first put aside in parts, which nobody reads. One small write then decides that it happens. From there on
it is carried out part by part, each in a transaction that also counts it: by whoever decided it, or, if that process
died, by the next that reads or writes. Nobody reads before all of it is carried out.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import TypeVar

from google.cloud import firestore

from sessions.memory.base import Forgotten
from sessions.memory.changes import identity
from sessions.memory.firestore.batches import Part
from sessions.memory.firestore.connection import Attempt, Connection
from sessions.memory.firestore.documents import as_moment, packed, unpacked
from sessions.memory.firestore.rooms import Rooms, equal

Result = TypeVar("Result")

#: What was put aside and not decided for so long was left behind by a process that died.
ABANDONED_AFTER = timedelta(hours=1)
#: So many documents are deleted in one commit: the words of each stand in two indexes.
DELETED_AT_ONCE = 100


class _UnsettledError(Exception):
    """Something that was decided is not yet carried out."""


class Pending:
    """What is put aside, decided and carried out in one database."""

    def __init__(self, connection: Connection, rooms: Rooms) -> None:
        self._connection = connection
        self._rooms = rooms

    def read(self, work: Callable[[Attempt], Result]) -> Result:
        """What `work` reads, as it stood at one moment at which nothing was half done."""
        return self._settled(self._connection.read, work)

    def write(self, work: Callable[[Attempt], Result]) -> Result:
        """Do what `work` reads and writes, all or nothing, where nothing is half done."""
        return self._settled(self._connection.write, work)

    def _settled(
        self, transact: Callable[[Callable[[Attempt], Result]], Result], work: Callable[[Attempt], Result]
    ) -> Result:
        def checked(attempt: Attempt) -> Result:
            self._require_none(attempt)
            return work(attempt)

        while True:
            try:
                return transact(checked)
            except _UnsettledError:
                self.settle()

    def put_aside(self, batch: str, parts: Iterable[Part]) -> int:
        """Store the parts of a batch where nobody reads them; how many they are."""
        marker = self._rooms.pending.document(batch)
        self._connection.write(partial(_announce, marker))
        number = 0
        for number, part in enumerate(parts, start=1):
            self._connection.write(partial(_put_aside, marker, number, part))
        return number

    def decide(self, attempt: Attempt, batch: str, parts: int) -> bool:
        """Let the batch happen, in this transaction; False if not all of its parts are put aside."""
        marker = self._rooms.pending.document(batch)
        if not attempt.fetch(marker).exists or attempt.count(marker.collection("parts")) < parts:
            return False
        attempt.update(marker, {"ready": True, "parts": parts})
        return True

    def decide_to_forget(self, attempt: Attempt, agent: str) -> Forgotten:
        """Let all that the agent knows be removed, in this transaction.

        Returns:
            How much that is.
        """
        log = self._rooms.changes(agent)
        entries = attempt.find(log.where(filter=equal("op", "write_journal")).select(["subject"]))
        forgotten = Forgotten(
            observations=attempt.count(self._rooms.observations(agent)),
            entries=len({entry.get("subject") for entry in entries}),
            changes=attempt.count(log),
        )
        if forgotten.changes:
            marker = self._rooms.pending.document(identity("forget", agent))
            attempt.create(marker, {"agent": agent, "ready": True})
        return forgotten

    def settle(self) -> None:
        """Carry out all that was decided, with whoever else is at it."""
        for decided in self._connection.read(lambda attempt: attempt.find(self._decided().select([]))):
            while self._connection.write(partial(self._carry_on, decided.reference)):
                pass

    def sweep(self, *, older_than: timedelta = ABANDONED_AFTER) -> None:
        """Remove what was put aside and never decided."""
        undecided = self._rooms.pending.where(filter=equal("ready", False)).select([])
        for marker in self._connection.read(lambda attempt: attempt.find(undecided)):
            if as_moment(marker.read_time) - as_moment(marker.create_time) >= older_than:
                self._connection.write(partial(_drop, marker.reference))

    def _require_none(self, attempt: Attempt) -> None:
        if attempt.find(self._decided().limit(1)):
            raise _UnsettledError

    def _decided(self) -> firestore.Query:
        return self._rooms.pending.where(filter=equal("ready", True))

    def _carry_on(self, marker: firestore.DocumentReference, attempt: Attempt) -> bool:
        """Do the next step; whether there may be another."""
        decided = attempt.fetch(marker)
        # Without it another process has done all of it, and others may have written since.
        if not decided.exists:
            return False
        fields = decided.to_dict() or {}
        if "agent" in fields:
            return self._forget_on(decided.reference, fields["agent"], attempt)
        done = fields["done"]
        if done == fields["parts"]:
            _delete(marker, attempt)
            return False
        body = unpacked(attempt.fetch(_part(marker, done + 1)).get("body"))
        Part.model_validate_json(body).write(self._rooms, attempt)
        attempt.update(marker, {"done": done + 1})
        return True

    def _forget_on(self, marker: firestore.DocumentReference, agent: str, attempt: Attempt) -> bool:
        rooms = [room(agent) for room in (self._rooms.observations, self._rooms.statistics, self._rooms.runs)]
        rooms.append(self._rooms.changes(agent))
        documents = (attempt.find(room.limit(DELETED_AT_ONCE).select([])) for room in rooms)
        some = next((found for found in documents if found), [])
        for document in some:
            attempt.delete(document.reference)
        if not some:
            attempt.delete(marker)
        return bool(some)


def batch_id(parts: Sequence[Part]) -> str:
    """The id of a batch: the same for the same parts, so that one that is repeated after a crash goes on."""
    return identity("batch", *(part.model_dump_json() for part in parts))


def _announce(marker: firestore.DocumentReference, attempt: Attempt) -> None:
    if not attempt.fetch(marker).exists:
        attempt.create(marker, {"ready": False, "done": 0})


def _put_aside(marker: firestore.DocumentReference, number: int, part: Part, attempt: Attempt) -> None:
    # Without it another process has decided the same batch and carried it out.
    if attempt.fetch(marker).exists:
        attempt.set(_part(marker, number), {"body": packed(part.model_dump_json())})


def _drop(marker: firestore.DocumentReference, attempt: Attempt) -> None:
    fields = attempt.fetch(marker).to_dict() or {}
    if not fields.get("ready", True):
        _delete(marker, attempt)


def _delete(marker: firestore.DocumentReference, attempt: Attempt) -> None:
    for part in attempt.find(marker.collection("parts").select([])):
        attempt.delete(part.reference)
    attempt.delete(marker)


def _part(marker: firestore.DocumentReference, number: int) -> firestore.DocumentReference:
    part: firestore.DocumentReference = marker.collection("parts").document(str(number))
    return part
