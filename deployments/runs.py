"""A session's runs as Prefect has them, read back in this project's words."""

from datetime import datetime

from prefect.client.schemas.objects import FlowRun, StateType
from pydantic import BaseModel

from sessions.outcome import Outcome
from tasks.flow_runs import COST_LABEL, DELIVERY_LABEL, outcome_of_flow_run

_PHASES = {
    StateType.SCHEDULED: "Pending",
    StateType.PENDING: "Creating",
    StateType.RUNNING: "Running",
    StateType.PAUSED: "Running",
    StateType.CANCELLING: "Stopping",
    StateType.CANCELLED: "Stopped",
    StateType.COMPLETED: "Completed",
    StateType.FAILED: "Failed",
    StateType.CRASHED: "Failed",
}


class RunRow(BaseModel, frozen=True):
    """One run: where it is in its life, and what became of it. Times are aware; `outcome` is None until it ends."""

    id: str
    name: str
    phase: str
    slot_at: datetime | None
    started_at: datetime | None
    duration_seconds: float
    outcome: Outcome | None
    reason: str
    delivery: str | None
    error: str | None
    cost_usd: float | None


def as_row(run: FlowRun) -> RunRow:
    """A flow run in this project's words."""
    outcome = outcome_of_flow_run(run)
    reason = (run.state.message or "") if run.state else ""
    cost = run.labels.get(COST_LABEL)
    delivery = run.labels.get(DELIVERY_LABEL)
    return RunRow(
        id=str(run.id),
        name=run.name,
        phase=_PHASES[run.state_type] if run.state_type else "Pending",
        slot_at=run.expected_start_time,
        started_at=run.start_time,
        duration_seconds=run.total_run_time.total_seconds(),
        outcome=outcome,
        reason=reason,
        delivery=str(delivery) if delivery is not None else None,
        error=reason if outcome and outcome.is_error else None,
        cost_usd=float(cost) if isinstance(cost, int | float) else None,
    )
