"""Takes back what a run taught: what it changed, and what others derived from that."""

from collections.abc import Iterable

from pydantic import BaseModel

from sessions.corrections import Author
from sessions.memory.base import Memory
from sessions.memory.changes import Add, Change, Confirm, Fade, FadeBelief, Release, Revert, Supersede, identity
from sessions.memory.things import Belief, Observation
from sessions.memory_ids import NotInMemoryError


class RevertPlan(BaseModel, frozen=True):
    """What taking back `run` comes to.

    `changes` are the run's own. `derived` are observations of other runs that rest on the run's, and `beliefs` those
    of other runs that rest on nothing else; a belief that has other evidence too stays. `confirmed` is what other runs
    said of the observations that go, all the same: nothing holds them but the words that made them.
    """

    run: str
    agent: str
    changes: list[Change]
    derived: list[Observation] = []
    beliefs: list[Belief] = []
    confirmed: list[Confirm] = []


class Reverted(BaseModel, frozen=True):
    """What was done: the observations, by id, that are not active any more because of it, and those that are again."""

    plan: RevertPlan
    gone: list[str] = []
    restored: list[str] = []


def plan_revert(memory: Memory, run: str, agent: str) -> RevertPlan:
    """What taking back `run` would come to; nothing is changed.

    Args:
        memory: where its changes are.
        run: its whole id.
        agent: whose run it is.

    Raises:
        NotInMemoryError: the run changed nothing, or was taken back before.
    """
    reverts = [change for change in memory.changes(agent=agent, ops=["revert"]) if isinstance(change, Revert)]
    if earlier := next((change for change in reverts if change.reverted == run), None):
        raise NotInMemoryError(f"run {run} was taken back on {earlier.at:%Y-%m-%d %H:%M} UTC already")
    changes = [change for change in memory.changes(agent=agent, run=run) if not isinstance(change, Revert)]
    if not changes:
        raise NotInMemoryError(f"run {run} changed nothing that can be taken back")
    own = {change.observation.id for change in changes if isinstance(change, Add)}
    derived = _derived(memory, agent, own)
    gone = own | {item.id for item in derived}
    held = memory.state(agent=agent).beliefs.values()
    resting = [each for each in held if each.run != run and not each.faded_at and _rests_only_on(each, gone)]
    goes = {item.id for item in memory.observations(sorted(gone)) if item.status == "active"}
    void = {run, *(change.reverted for change in reverts)}
    confirmed = [
        change
        for change in memory.changes(agent=agent, ops=["confirm"])
        if isinstance(change, Confirm) and change.observation in goes and change.run not in void
    ]
    return RevertPlan(run=run, agent=agent, changes=changes, derived=derived, beliefs=resting, confirmed=confirmed)


def _derived(memory: Memory, agent: str, own: set[str]) -> list[Observation]:
    """The active observations that rest on one of `own`, directly or over others. What is derived comes later."""
    gone, found = set(own), list[str]()
    for change in memory.changes(agent=agent, ops=["add"]):
        if isinstance(change, Add) and gone.intersection(change.observation.derived_from):
            gone.add(change.observation.id)
            found += [change.observation.id] * (change.observation.id not in own)
    return [item for item in memory.observations(found) if item.status == "active"]


def _rests_only_on(belief: Belief, gone: Iterable[str]) -> bool:
    return bool(belief.evidence) and set(belief.evidence) <= set(gone)


def carry_out(memory: Memory, plan: RevertPlan, author: Author, *, reason: str = "") -> Reverted:
    """Take back what `plan` says, all of it or nothing. Doing it twice is doing it once.

    Args:
        memory: where.
        plan: see `plan_revert`.
        author: who does it, and when.
        reason: why, for the history.

    Raises:
        MemoryStoreError: the memory cannot be written; nothing changed.
    """
    touched = list(dict.fromkeys([*_observations_of(plan.changes), *(item.id for item in plan.derived)]))
    before = _active(memory, touched)
    memory.apply(_changes(plan, author, reason))
    after = _active(memory, touched)
    return Reverted(
        plan=plan,
        gone=[each for each in touched if each in before - after],
        restored=[each for each in touched if each in after - before],
    )


def _observations_of(changes: list[Change]) -> list[str]:
    """Those that the changes added, and those whose status they changed."""
    changed = [each.observation for each in changes if isinstance(each, Supersede | Fade | Release)]
    return [*(each.observation.id for each in changes if isinstance(each, Add)), *changed]


def _active(memory: Memory, ids: list[str]) -> set[str]:
    return {item.id for item in memory.observations(ids) if item.status == "active"}


def _changes(plan: RevertPlan, author: Author, reason: str) -> list[Change]:
    signature = author.signs(plan.agent)
    revert = Revert(id=identity("revert", plan.agent, plan.run), reverted=plan.run, reason=reason, **signature)
    why = f"all that it rested on was taken back with run {plan.run[:8]}"
    faded = [
        FadeBelief(id=identity("fade_belief", each.id, "revert", plan.run), belief=each.id, reason=why, **signature)
        for each in plan.beliefs
    ]
    return [revert, *faded]
