"""All sessions at a glance and one in full, from what Prefect knows of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import DeploymentSchedule, FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from pydantic import BaseModel, JsonValue

from deployments.deployed import all_sessions, find_session
from deployments.names import display_name_of
from deployments.newest_runs import newest_runs
from deployments.prefect_schedules import from_prefect
from deployments.runs import RunRow, as_row
from sessions.backoff import consecutive_errors, ended_rows, newest_first, waits_until
from sessions.ledger import merge_rows
from sessions.outcome import Outcome
from sessions.schedule import Schedule, describe, next_times
from sessions.spec import SessionSpec
from tasks.deployed import is_suspended
from tasks.kept_rows import MOST_ROWS, read_all_kept


class ScheduleView(BaseModel, frozen=True):
    """One schedule: its kind, its own notation, its zone, and in words."""

    kind: Literal["cron", "every", "at"]
    expr: str
    timezone: str
    description: str
    active: bool


class SessionState(BaseModel, frozen=True):
    """What the run history says, derived each time and kept nowhere else."""

    next_run_at: datetime | None
    last_run_at: datetime | None
    last_outcome: Outcome | None
    last_duration_seconds: float | None
    last_error: str | None
    consecutive_errors: int


class SessionView(BaseModel, frozen=True):
    """One session: what it is, when it is due, and how it went."""

    name: str
    display_name: str
    status: Literal["Active", "Suspended"]
    description: str
    schedule: ScheduleView | None
    schedules: list[ScheduleView]
    next_runs: list[datetime]
    last_run: RunRow | None
    state: SessionState
    parameters: dict[str, JsonValue]


async def list_sessions(client: PrefectClient, now: datetime) -> list[SessionView]:
    """Every session by name, with its last run and its state."""
    deployed = await all_sessions(client)
    rows = await _histories(client, deployed, now)
    return [_view(item, rows[item.id], now) for item in deployed]


async def show_session(client: PrefectClient, name: str, now: datetime) -> SessionView:
    """One session in full.

    Raises:
        SpecError: there is no such session; the sentence names those that are.
    """
    deployment = await find_session(client, name)
    rows = await _histories(client, [deployment], now)
    return _view(deployment, rows[deployment.id], now)


async def _histories(
    client: PrefectClient, deployed: Sequence[DeploymentResponse], now: datetime
) -> dict[UUID, list[RunRow]]:
    """The newest runs of each session, newest slot first, with the lines of those that retention deleted.

    The lines are read where they may tell something: a session whose newest run went well has no errors in a row.
    """
    runs = await newest_runs(client, [item.id for item in deployed], now)
    kept = await read_all_kept(client, [item.name for item in deployed if not _went_well(runs[item.id])])
    since = datetime.min.replace(tzinfo=UTC)
    rows = {item.id: [as_row(run) for run in runs[item.id]] for item in deployed}
    return {
        item.id: merge_rows(kept.get(item.name, []), rows[item.id], since=since, most=MOST_ROWS) for item in deployed
    }


def _went_well(runs: Sequence[FlowRun]) -> bool:
    return bool(runs) and runs[0].state_type is StateType.COMPLETED


def _view(deployment: DeploymentResponse, rows: Sequence[RunRow], now: datetime) -> SessionView:
    # A recurrence rule that was made elsewhere has no slots that this project could tell.
    converted = [(item, from_prefect(item.schedule)) for item in deployment.schedules]
    schedules = [(item, schedule) for item, schedule in converted if schedule]
    active = [schedule for item, schedule in schedules if item.active and not deployment.paused]
    until = _waits_until(rows, deployment)
    upcoming = sorted({time for schedule in active for time in _attempts(schedule, now, until)})[:3]
    views = [_schedule_view(item, schedule) for item, schedule in schedules]
    return SessionView(
        name=deployment.name,
        display_name=display_name_of(deployment.tags, deployment.name),
        status="Suspended" if is_suspended(deployment, now) else "Active",
        description=deployment.description or "",
        schedule=views[0] if views else None,
        schedules=views,
        next_runs=upcoming,
        last_run=rows[0] if rows else None,
        state=_state(rows, upcoming),
        parameters=deployment.parameters,
    )


def _attempts(schedule: Schedule, now: datetime, until: datetime | None) -> list[datetime]:
    """The next three times of a schedule; slots within a wait after errors are one attempt at its end."""
    if until is None or not any(slot < until for slot in next_times(schedule, now, 1)):
        return next_times(schedule, now)
    return [until, *next_times(schedule, until)]


def _waits_until(rows: Sequence[RunRow], deployment: DeploymentResponse) -> datetime | None:
    """Until when the session's schedules wait after errors."""
    default = SessionSpec.model_fields["backoff_seconds"].default
    delays = deployment.parameters.get("backoff_seconds", default)
    return waits_until(newest_first(ended_rows(rows)), delays)


def _schedule_view(item: DeploymentSchedule, schedule: Schedule) -> ScheduleView:
    return ScheduleView(
        kind=schedule.kind,
        expr=schedule.expr,
        timezone=schedule.timezone,
        description=describe(schedule),
        active=item.active,
    )


def _state(rows: Sequence[RunRow], upcoming: Sequence[datetime]) -> SessionState:
    ended = [row for row in rows if row.outcome]
    last = ended[0] if ended else None
    return SessionState(
        next_run_at=upcoming[0] if upcoming else None,
        last_run_at=(last.started_at or last.slot_at) if last else None,
        last_outcome=last.outcome if last else None,
        last_duration_seconds=last.duration_seconds if last else None,
        last_error=last.error if last else None,
        consecutive_errors=consecutive_errors(row.outcome for row in ended if row.outcome),
    )
