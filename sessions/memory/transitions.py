"""What a batch of changes comes to: what goes into the log, what is void, which observations get which status.

Every store carries out the same plan.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from pydantic import BaseModel

from sessions.memory.changes import Add, Change, Fade, Release, Revert, Supersede
from sessions.memory.statuses import (
    StatusHistory,
    Transition,
    bears_on_status,
    observations_of,
    owner_of,
    reason_of,
    status_from,
    step_of,
)
from sessions.memory.things import Status


class Log(Protocol):
    """What `plan_changes` asks a store, all of it in the transaction in which the plan is carried out."""

    def known(self, ids: Collection[str]) -> set[str]:
        """Those of these changes that are in the log."""
        ...

    def histories(self, ids: Collection[str]) -> dict[str, StatusHistory]:
        """Those of these observations that are there, of whichever agent."""
        ...

    def reverted_runs(self, agent: str) -> dict[str, str]:
        """The runs of the agent that were taken back, each with the reason that its observations get."""
        ...

    def changed_by(self, agent: str, run: str) -> set[str]:
        """The agent's observations that the run added, superseded, faded or released."""
        ...

    def resting_on(self, ids: Collection[str]) -> set[str]:
        """The observations derived from one of these, or superseded in favour of one of them."""
        ...


class Plan(BaseModel):
    """What a store has to write: `new` into its log, and for each observation in `histories` what became of it.

    `transitions` are those that are new, by observation; an observation has at most one for each change.
    """

    new: list[Change] = []
    known: list[str] = []
    void: dict[str, str] = {}
    histories: dict[str, StatusHistory] = {}
    transitions: list[tuple[str, Transition]] = []


def plan_changes(changes: Sequence[Change], log: Log) -> Plan:
    """What becomes of `changes`, in this order, on top of what is in the log. Nothing is written."""
    planner = _Planner(log, changes)
    for change in changes:
        planner.take(change)
    return planner.plan


class _Planner:
    """The log as it would be after the changes that were taken so far."""

    def __init__(self, log: Log, changes: Sequence[Change]) -> None:
        self.plan = Plan()
        self._log = log
        self._known = log.known([change.id for change in changes])
        self._told: set[str] = set()
        spoken_of = {name for change in changes for name in observations_of(change)}
        self._histories: dict[str, StatusHistory] = log.histories(spoken_of)
        self._looked_up = spoken_of
        self._reverted: dict[str, dict[str, str]] = {}

    def take(self, change: Change) -> None:
        if change.id in self._told:
            return
        repeated = change.id in self._known or self._repeats(change)
        if not repeated and (fault := self._fault(change)):
            # Said again further on, it may count by then.
            self.plan.void[change.id] = fault
            return
        self._told.add(change.id)
        self.plan.void.pop(change.id, None)
        if repeated:
            self.plan.known.append(change.id)
        else:
            self.plan.new.append(change)
            self._carry_out(change)

    def _repeats(self, change: Change) -> bool:
        if not isinstance(change, Add) or change.observation.agent != change.agent:
            return False
        there = self._histories.get(change.observation.id)
        return there is not None and there.agent == change.agent

    def _fault(self, change: Change) -> str:
        """Why the change is void; empty if it is not."""
        owner = owner_of(change)
        if owner != change.agent:
            return f"agent {change.agent} cannot write for agent {owner}"
        if isinstance(change, Add) and (there := self._histories.get(change.observation.id)):
            return f"observation {there.observation} is of another agent"
        named = [name for name in observations_of(change) if not _is_added(change, name)]
        return next((fault for name in named if (fault := self._fault_of(name, change.agent))), "")

    def _fault_of(self, observation: str, agent: str) -> str:
        there = self._histories.get(observation)
        if there is None:
            return f"there is no observation {observation}"
        return "" if there.agent == agent else f"observation {observation} is of another agent"

    def _carry_out(self, change: Change) -> None:
        match change:
            case Revert():
                self._take_back(change)
            case Add(observation=item):
                self._histories[item.id] = StatusHistory(
                    observation=item.id, agent=item.agent, derived_from=item.derived_from, steps=(step_of(change),)
                )
                self._settle(item.id, change)
            case Supersede() | Fade() | Release():
                there = self._histories[change.observation]
                longer = there.model_copy(update={"steps": (*there.steps, step_of(change))})
                self._histories[there.observation] = self.plan.histories[there.observation] = longer
                self._settle(there.observation, change)

    def _take_back(self, revert: Revert) -> None:
        """The run's observations and all that rest on them are reverted, what it did to others is undone."""
        self._runs_reverted(revert.agent)[revert.reverted] = reason_of(revert)
        affected = self._changed_by(revert.agent, revert.reverted)
        gone: set[str] = set()
        while found := self._newly_gone(affected, gone):
            gone |= found
            affected |= self._resting_on(found)
        for observation in sorted(affected):
            self._settle(observation, revert, gone)

    def _newly_gone(self, affected: Iterable[str], gone: set[str]) -> set[str]:
        return {
            name for name in affected if name not in gone and self._status(self._at_hand(name), gone)[0] == "reverted"
        }

    def _settle(self, observation: str, change: Change, gone: Collection[str] = ()) -> None:
        """Note the status that the observation has by now, if it is another than before."""
        history = self._histories[observation]
        status, reason = self._status(history, gone)
        before = history.at()
        if before and (before.status, before.reason) == (status, reason):
            return
        transition = Transition(change=change.id, at=change.at, status=status, reason=reason)
        longer = history.model_copy(update={"transitions": (*history.transitions, transition)})
        self._histories[observation] = self.plan.histories[observation] = longer
        self.plan.transitions.append((observation, transition))

    def _status(self, history: StatusHistory, gone: Collection[str]) -> tuple[Status, str]:
        return status_from(
            history,
            reverted=self._runs_reverted(history.agent),
            is_gone=lambda name: name in gone or self._is_reverted(name),
        )

    def _is_reverted(self, observation: str) -> bool:
        last = self._at_hand(observation).at()
        return last is not None and last.status == "reverted"

    def _at_hand(self, observation: str) -> StatusHistory:
        if observation not in self._looked_up:
            self._looked_up.add(observation)
            self._histories |= self._log.histories([observation])
        return self._histories[observation]

    def _runs_reverted(self, agent: str) -> dict[str, str]:
        if agent not in self._reverted:
            self._reverted[agent] = dict(self._log.reverted_runs(agent))
        return self._reverted[agent]

    def _changed_by(self, agent: str, run: str) -> set[str]:
        here = (each for each in self.plan.new if each.agent == agent and each.run == run and bears_on_status(each))
        return self._log.changed_by(agent, run) | {observations_of(each)[0] for each in here}

    def _resting_on(self, ids: set[str]) -> set[str]:
        found = self._log.resting_on(ids)
        for name, history in self.plan.histories.items():
            if not ids.isdisjoint((*history.derived_from, *(step.successor for step in history.steps))):
                found.add(name)
        return found


def _is_added(change: Change, observation: str) -> bool:
    return isinstance(change, Add) and change.observation.id == observation
