"""Flow runs as Prefect has them, in this project's words."""

from prefect.client.schemas.objects import FlowRun, StateType

from sessions.ledger import Origin, RunRow
from sessions.retention import EndedRun
from tasks.flow_runs import (
    AGENT_LABEL,
    COST_LABEL,
    DELIVERY_LABEL,
    WAITING,
    is_attempt,
    is_dispatched,
    outcome_of_flow_run,
    why_turned_away,
)

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


def as_row(run: FlowRun) -> RunRow:
    """A flow run as a row of what people and programs are shown."""
    outcome = outcome_of_flow_run(run)
    turned_away = why_turned_away(run)
    reason = turned_away.reason if turned_away else (run.state.message or "") if run.state else ""
    cost = run.labels.get(COST_LABEL)
    delivery = run.labels.get(DELIVERY_LABEL)
    maker = run.created_by if run.auto_scheduled else None
    return RunRow(
        id=str(run.id),
        name=run.name,
        phase=_phase(run),
        slot_at=run.expected_start_time,
        started_at=run.start_time,
        ended_at=run.end_time,
        duration_seconds=run.total_run_time.total_seconds(),
        outcome=outcome,
        reason=reason,
        delivery=str(delivery) if delivery is not None else None,
        error=reason if outcome and outcome.is_error else None,
        cost_usd=float(cost) if isinstance(cost, int | float) else None,
        origin=_origin(run),
        schedule_id=str(maker.id) if maker and maker.id else "",
        schedule=(maker.display_value or "") if maker else "",
    )


def _phase(run: FlowRun) -> str:
    if run.state_name == WAITING:
        return WAITING
    return _PHASES[run.state_type] if run.state_type else "Pending"


def _origin(run: FlowRun) -> Origin:
    if run.auto_scheduled:
        return "schedule"
    if is_attempt(run):
        return "back-off"
    return "dispatch" if is_dispatched(run) else "trigger"


def as_ended(run: FlowRun) -> EndedRun | None:
    """A flow run that is over, as the rules of retention and back-off see it; None for one that is not."""
    outcome, at = outcome_of_flow_run(run), run.end_time or run.created
    if not outcome or not at:
        return None
    return EndedRun(run_id=str(run.id), outcome=outcome, ended_at=at, agent_started=AGENT_LABEL in run.labels)
