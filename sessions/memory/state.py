"""What an agent holds at one time beside its observations, read from the log of changes: the same for every store."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from sessions.memory.changes import (
    Believe,
    Change,
    CloseThread,
    FadeBelief,
    Op,
    OpenThread,
    Revert,
    SetProject,
    SetVital,
    Strengthen,
    WriteJournal,
)
from sessions.memory.things import Belief, JournalEntry, Project, Thread, ThreadTag, Vital

#: Which changes `State.read` looks at: a store can leave out the others, which are the many.
STATE_OPS: frozenset[Op] = frozenset(
    {
        "believe",
        "strengthen",
        "fade_belief",
        "open_thread",
        "close_thread",
        "write_journal",
        "set_project",
        "set_vital",
        "revert",
    }
)
#: The part of the doubt that one strengthening takes away.
STRENGTHENING = 0.3
#: A belief that time has left less of is held no more, and can be formed anew.
HELD = 0.05


class State(BaseModel):
    """Beliefs, threads, projects and vitals by id or name, in the order they came up; journal entries by run."""

    beliefs: dict[str, Belief] = {}
    threads: dict[str, Thread] = {}
    projects: dict[str, Project] = {}
    vitals: dict[str, Vital] = {}
    journal: dict[str, JournalEntry] = {}

    @classmethod
    def read(cls, changes: Iterable[Change], as_of: datetime | None = None) -> "State":
        """What the changes of one agent, in their order, come to; those after `as_of` have not happened.

        What a reverted run changed did not happen either, from the first change on: a belief that another run
        strengthened too keeps what the other gave it.
        """
        happened = [change for change in changes if as_of is None or change.at <= as_of]
        reverted = {change.reverted for change in happened if isinstance(change, Revert)}
        state = cls()
        for change in happened:
            if change.run not in reverted and (step := _STEPS.get(type(change))):
                step(state, change)
        return state

    def open_threads(self, *tags: ThreadTag) -> list[Thread]:
        """The threads of those tags that are open, oldest first."""
        return [thread for thread in self.threads.values() if thread.tag in tags and not thread.closed_at]

    def held_beliefs(self, moment: datetime, *, at_least: float = HELD) -> list[Belief]:
        """The beliefs of at least that confidence at `moment`, surest first."""
        held = [belief for belief in self.beliefs.values() if belief.confidence_at(moment) >= at_least]
        return sorted(held, key=lambda belief: (-belief.confidence_at(moment), belief.id))

    def faded_beliefs(self) -> list[Belief]:
        """The beliefs that somebody faded, the last faded first."""
        faded = [(belief.faded_at, belief) for belief in self.beliefs.values() if belief.faded_at]
        return [belief for _, belief in sorted(faded, key=lambda pair: (pair[0], pair[1].id), reverse=True)]


def _believe(state: State, change: Believe) -> None:
    # What a tool or a web page says is no ground to believe it.
    there = state.beliefs.get(change.belief)
    if change.origin in ("tool", "web") or (there and (there.faded_at or there.confidence_at(change.at) >= HELD)):
        return
    state.beliefs[change.belief] = Belief(
        id=change.belief,
        text=change.text,
        confidence=change.confidence,
        half_life_days=change.half_life_days,
        evidence=change.evidence,
        run=change.run,
        created_at=change.at,
        changed_at=change.at,
    )


def _strengthen(state: State, change: Strengthen) -> None:
    belief = state.beliefs.get(change.belief)
    if belief is None or change.origin in ("tool", "web") or (belief.faded_at and change.origin != "owner"):
        return
    confidence = belief.confidence_at(change.at)
    evidence = tuple(dict.fromkeys((*belief.evidence, *change.evidence)))
    state.beliefs[belief.id] = belief.model_copy(
        update={
            "confidence": confidence + (1 - confidence) * STRENGTHENING,
            "evidence": evidence,
            "changed_at": change.at,
            "faded_at": None,
            "reason": change.reason,
        }
    )


def _fade_belief(state: State, change: FadeBelief) -> None:
    if belief := state.beliefs.get(change.belief):
        faded = {"confidence": belief.confidence_at(change.at), "changed_at": change.at}
        state.beliefs[belief.id] = belief.model_copy(
            update=faded | {"faded_at": change.at, "reason": change.reason},
        )


def _open_thread(state: State, change: OpenThread) -> None:
    if change.thread not in state.threads:
        state.threads[change.thread] = Thread(
            id=change.thread,
            tag=change.tag,
            text=change.text,
            session=change.session,
            run=change.run,
            opened_at=change.at,
        )


def _close_thread(state: State, change: CloseThread) -> None:
    if thread := state.threads.get(change.thread):
        closed = {"closed_at": thread.closed_at or change.at, "reason": thread.reason or change.reason}
        state.threads[thread.id] = thread.model_copy(update=closed)


def _write_journal(state: State, change: WriteJournal) -> None:
    if change.faded:
        state.journal.pop(change.entry.id, None)
    else:
        state.journal[change.entry.id] = change.entry


def _set_project(state: State, change: SetProject) -> None:
    if change.faded:
        state.projects.pop(change.name, None)
        return
    fields = change.model_dump(include={"name", "status", "blocking", "waiting_for", "run"})
    state.projects[change.name] = Project(changed_at=change.at, **fields)


def _set_vital(state: State, change: SetVital) -> None:
    if change.faded:
        state.vitals.pop(change.name, None)
        return
    fields = change.model_dump(include={"name", "value", "flagged", "note", "run"})
    state.vitals[change.name] = Vital(changed_at=change.at, **fields)


_STEPS: dict[type, Callable[[State, Any], None]] = {
    Believe: _believe,
    Strengthen: _strengthen,
    FadeBelief: _fade_belief,
    OpenThread: _open_thread,
    CloseThread: _close_thread,
    WriteJournal: _write_journal,
    SetProject: _set_project,
    SetVital: _set_vital,
}
