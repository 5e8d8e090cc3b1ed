"""Writing changes to Firestore, all of a batch or none."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from sessions.errors import MemoryStoreError
from sessions.memory.base import Applied
from sessions.memory.changes import Add, Change, identity
from sessions.memory.embedder import Embedded, Embedder
from sessions.memory.firestore.batches import Part, parts_of
from sessions.memory.firestore.connection import Attempt
from sessions.memory.firestore.documents import too_large
from sessions.memory.firestore.format import claim_embedder, require_embedder
from sessions.memory.firestore.pending import Pending, batch_id
from sessions.memory.firestore.planning import FirestoreLog, Whereabouts, look_up
from sessions.memory.firestore.rooms import Rooms
from sessions.memory.firestore.sentences import Place
from sessions.memory.firestore.statistics import fold
from sessions.memory.index import indexed_text
from sessions.memory.transitions import Plan, plan_changes


class _Outcome(NamedTuple):
    """What an attempt at a batch came to. Undecided: its parts have to be put aside first."""

    plan: Plan
    parts: list[Part]
    decided: bool = True


class Writer:
    """Writes the changes of one database, with the vectors of `embedder`."""

    def __init__(self, pending: Pending, rooms: Rooms, place: Place, embedder: Embedder) -> None:
        self.embedder = embedder
        self._pending = pending
        self._rooms = rooms
        self._place = place

    def apply(self, changes: Sequence[Change]) -> Applied:
        """See `sessions.memory.base.Memory`. A change that is too large for a document is void."""
        void = {change.id: why for change in changes if (why := too_large(change))}
        fitting = [change for change in changes if change.id not in void]
        plan = self._write(fitting) if fitting else Plan()
        return Applied(new=tuple(change.id for change in plan.new), known=tuple(plan.known), void=plan.void | void)

    def _write(self, changes: Sequence[Change]) -> Plan:
        whereabouts = self._pending.read(partial(look_up, self._rooms, changes))
        embedded = self._embed(change for change in changes if change.id not in whereabouts.changes)
        attempt = partial(self._attempt, changes, whereabouts, embedded)
        while not (outcome := self._pending.write(attempt)).decided:
            self._pending.put_aside(batch_id(outcome.parts), outcome.parts)
        if len(outcome.parts) > 1:
            self._pending.settle()
        self._fold_statistics(outcome.plan)
        return outcome.plan

    def _attempt(
        self, changes: Sequence[Change], whereabouts: Whereabouts, embedded: dict[str, Embedded], attempt: Attempt
    ) -> _Outcome:
        plan = plan_changes(changes, FirestoreLog(self._rooms, whereabouts, attempt))
        if any(isinstance(change, Add) for change in plan.new):
            self._require_embedder(attempt)
        # What was known a moment ago may be forgotten by now.
        embedded |= self._vectors(change for change in plan.new if change.id not in embedded)
        parts = parts_of(plan, embedded)
        if len(parts) > 1 and not self._pending.decide(attempt, batch_id(parts), len(parts)):
            return _Outcome(plan, parts, decided=False)
        if len(parts) == 1:
            parts[0].write(self._rooms, attempt)
        return _Outcome(plan, parts)

    def _require_embedder(self, attempt: Attempt) -> bool:
        return require_embedder(self._rooms, self._place, self.embedder, attempt)

    def _embed(self, changes: Iterable[Change]) -> dict[str, Embedded]:
        """The vectors of new observations, by the change that adds them; found before others have to wait."""
        added = [change for change in changes if isinstance(change, Add)]
        # On its own, and once: all who write would wait for each other at this document.
        if added and not self._pending.read(self._require_embedder):
            self._pending.write(self._claim)
        return self._vectors(added)

    def _claim(self, attempt: Attempt) -> None:
        if not self._require_embedder(attempt):
            claim_embedder(self._rooms, attempt, self.embedder.name)

    def _vectors(self, changes: Iterable[Change]) -> dict[str, Embedded]:
        texts = {change.id: indexed_text(change.observation) for change in changes if isinstance(change, Add)}
        return dict(zip(texts, self.embedder.embed_texts(list(texts.values())), strict=True)) if texts else {}

    def _fold_statistics(self, plan: Plan) -> None:
        added = [change for change in plan.new if isinstance(change, Add)]
        if not added or not folds(added[0].id):
            return
        # What was to be stored is stored. Statistics that cannot be folded now are by one that comes later.
        with suppress(MemoryStoreError):
            for agent in sorted({change.agent for change in added}):
                self._pending.write(partial(fold, self._rooms, agent))


def folds(change: str) -> bool:
    """Whether the batch that begins with this change folds statistics: one of 16, so that rarely two do at once."""
    return identity("fold", change).startswith("0")
