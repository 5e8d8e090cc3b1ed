"""Flow runs as Prefect has them, in this project's words."""

from collections.abc import Sequence

from prefect.client.schemas.objects import DeploymentSchedule, FlowRun, StateType

from sessions.ledger import Origin, RunRow
from sessions.retention import EndedRun
from tasks.flow_runs import (
    AGENT_LABEL,
    COST_LABEL,
    DELIVERY_LABEL,
    WAITING,
    outcome_of_flow_run,
    why_turned_away,
)
from tasks.run_origins import is_attempt, is_dispatched, schedule_of

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
        schedule=schedule_of(run),
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


def as_ended(run: FlowRun, *, schedule: str = "") -> EndedRun | None:
    """A flow run that is over, as the rules of retention and back-off see it; None for one that is not."""
    outcome, at = outcome_of_flow_run(run), run.end_time or run.created
    if not outcome or not at:
        return None
    return EndedRun(
        run_id=str(run.id),
        outcome=outcome,
        ended_at=at,
        agent_started=AGENT_LABEL in run.labels,
        schedule=schedule,
    )


def counted_with(run: FlowRun, schedules: Sequence[DeploymentSchedule]) -> str:
    """The id of the one of several schedules with whose runs a flow run is kept; empty if it belongs to none of them.

    A schedule that a deploy made anew is known by its slug.
    """
    if len(schedules) <= 1:
        return ""
    maker = run.created_by.id if run.auto_scheduled and run.created_by else None
    made_it = [item for item in schedules if item.id == maker]
    named = [item for item in schedules if item.slug and item.slug == schedule_of(run)]
    return next((str(item.id) for item in (*made_it, *named)), "")
