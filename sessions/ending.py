"""From the way an agent ended to the run's outcome and its reason."""

from sessions.outcome import Outcome
from sessions.runners.base import AgentEnd, Stop
from sessions.spec import SessionSpec

_OUTCOMES = {
    Stop.FINISHED: Outcome.COMPLETED,
    Stop.MAX_TURNS: Outcome.STOPPED,
    Stop.MAX_COST: Outcome.OVER_BUDGET,
    Stop.DAY_COST: Outcome.OVER_BUDGET,
    Stop.LOOP: Outcome.STOPPED,
    Stop.NEEDS_INPUT: Outcome.NEEDS_INPUT,
    Stop.TIMED_OUT: Outcome.TIMED_OUT,
    Stop.INACTIVE: Outcome.TIMED_OUT,
    Stop.REFUSED: Outcome.FAILED,
    Stop.FAILED: Outcome.FAILED,
    Stop.INTERRUPTED: Outcome.CRASHED,
}


def outcome_of(end: AgentEnd, *, stopped_by_request: bool = False) -> Outcome:
    """The outcome of a run whose agent ended so.

    Args:
        end: how the agent ended; `INTERRUPTED` when its process or ours died.
        stopped_by_request: somebody cancelled the run, so that an interruption was meant.
    """
    if end.stop is Stop.INTERRUPTED and stopped_by_request:
        return Outcome.STOPPED
    return _OUTCOMES[end.stop]


def reason_for(end: AgentEnd, spec: SessionSpec, *, turns: int, cost_usd: float, seconds: float) -> str:
    """Why the agent ended, in one sentence without a full stop, with the limit that bit."""
    so_far = f"{turns} {'turn' if turns == 1 else 'turns'}, {cost_usd:.4f} USD, {seconds:.0f} s"
    sentences = {
        Stop.FINISHED: f"the agent finished after {so_far}",
        Stop.MAX_TURNS: f"the agent reached max_turns {spec.max_turns} after {so_far}",
        Stop.MAX_COST: f"the agent reached max_cost_usd {spec.max_cost_usd} after {so_far}",
        Stop.DAY_COST: f"the agent reached the end of its agent's budget for the day after {so_far}",
        Stop.LOOP: f"the agent went in circles and was stopped after {so_far}",
        Stop.NEEDS_INPUT: f"the agent asked what only a person can answer, after {so_far}",
        Stop.TIMED_OUT: f"the agent was ended at timeout_seconds {spec.timeout_seconds} after {so_far}",
        Stop.INACTIVE: f"the agent was ended after too long without a word or a tool event, after {so_far}",
        Stop.REFUSED: f"the model refused after {so_far}",
        Stop.FAILED: f"the agent failed after {so_far}" if turns else "failed before the first answer of a model",
        Stop.INTERRUPTED: f"the run was interrupted after {so_far}",
    }
    detail = f": {end.error}" if end.error else ""
    too_dear_at_once = outcome_of(end) is Outcome.OVER_BUDGET and not turns
    return ("no model was asked" if too_dear_at_once else sentences[end.stop]) + detail
