"""Which status an observation has, from all that was said of it. The same for every store, and without any."""

from collections.abc import Callable, Mapping
from typing import TypeGuard

from pydantic import BaseModel

from sessions.memory.changes import Add, Change, Confirm, Fade, Release, Revert, Supersede, WriteJournal
from sessions.memory.things import Moment, Observation, Status


class Step(BaseModel, frozen=True):
    """What one change would make of an observation. For a `successor` that was taken back it makes nothing of it."""

    run: str
    status: Status
    reason: str = ""
    successor: str = ""


class Transition(BaseModel, frozen=True):
    """From `at` on, by the change of that id, an observation has this status."""

    change: str
    at: Moment
    status: Status
    reason: str = ""


class StatusHistory(BaseModel, frozen=True):
    """All that bears on the status of one observation, in the order of the log. The first step added it."""

    observation: str
    agent: str
    derived_from: tuple[str, ...] = ()
    steps: tuple[Step, ...]
    transitions: tuple[Transition, ...] = ()

    def at(self, moment: Moment | None = None) -> Transition | None:
        """The last transition by that time; of all without one. None: it was not there yet."""
        return next((each for each in reversed(self.transitions) if moment is None or each.at <= moment), None)


def as_it_stood(item: Observation, history: StatusHistory, moment: Moment | None) -> Observation | None:
    """`item` with the status it had by then, now without a moment; None where it was not learned yet."""
    last = history.at(moment)
    if last is None or (moment is not None and item.created_at > moment):
        return None
    return item.model_copy(update={"status": last.status, "reason": last.reason})


def step_of(change: Add | Supersede | Fade | Release) -> Step:
    """What the change would make of the observation it speaks of."""
    match change:
        case Add(quarantined=reason) if reason:
            return Step(run=change.run, status="quarantined", reason=reason)
        case Add():
            return Step(run=change.run, status=change.observation.status, reason=change.observation.reason)
        case Supersede():
            return Step(run=change.run, status="superseded", reason=change.reason, successor=change.successor)
        case Fade():
            return Step(run=change.run, status="faded", reason=change.reason)
        case Release():
            return Step(run=change.run, status="active")


def reason_of(revert: Revert) -> str:
    """What the observations of a run that was taken back say of themselves."""
    return revert.reason or f"run {revert.reverted} was taken back"


def status_from(
    history: StatusHistory, *, reverted: Mapping[str, str], is_gone: Callable[[str], bool]
) -> tuple[Status, str]:
    """The status that the steps come to, and why it is not active.

    Args:
        history: the observation's.
        reverted: the agent's runs that were taken back, each with the reason that its observations get.
        is_gone: whether an observation, by id, was taken back.
    """
    added, *later = history.steps
    if added.run in reverted:
        return "reverted", reverted[added.run]
    if lost := next((name for name in history.derived_from if is_gone(name)), ""):
        return "reverted", f"it rests on {lost}, which was taken back"
    status, reason = added.status, added.reason
    for step in later:
        undone = step.run in reverted or (step.successor and is_gone(step.successor))
        # Only what is quarantined can be released.
        if not undone and (step.status != "active" or status == "quarantined"):
            status, reason = step.status, step.reason
    return status, "" if status == "active" else reason


def rests_on(change: Change) -> tuple[str, ...]:
    """Those on which the observation that the change is about rests: its sources, or its successor.

    When one of them is taken back, the observation's status is another.
    """
    match change:
        case Add(observation=item):
            return item.derived_from
        case Supersede(successor=successor) if successor:
            return (successor,)
    return ()


def bears_on_status(change: Change) -> TypeGuard[Add | Supersede | Fade | Release]:
    """Whether the change is one of those that `step_of` takes."""
    return isinstance(change, Add | Supersede | Fade | Release)


def observations_of(change: Change) -> tuple[str, ...]:
    """The observations that the change speaks of, first the one that it is about."""
    match change:
        case Add(observation=item):
            return item.id, *item.derived_from
        case Supersede(observation=item, successor=successor) if successor:
            return item, successor
        case Confirm(observation=item) | Supersede(observation=item) | Fade(observation=item):
            return (item,)
        case Release(observation=item):
            return (item,)
    return ()


def owner_of(change: Change) -> str:
    """Whose memory the change speaks of; it may only be its own agent's."""
    match change:
        case Add(observation=item):
            return item.agent
        case WriteJournal(entry=entry):
            return entry.agent
    return change.agent
