"""All sessions at a glance and one in full, from what Prefect knows of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import DeploymentSchedule, FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from pydantic import BaseModel, JsonValue

from deployments.prefect_schedules import from_prefect
from deployments.runs import RunRow, as_row
from sessions.backoff import consecutive_errors, newest_first, next_attempt, waits_until
from sessions.errors import SpecError
from sessions.outcome import Outcome
from sessions.schedule import Schedule, describe, next_times
from sessions.spec import SessionSpec
from tasks.deployed import FLOW_NAME
from tasks.run_rows import as_ended

PAGE = 200
#: Those within the longest usual wait are one attempt, so that more have to be looked at for the next three times.
_SLOTS_WHILE_WAITING = 100
#: What a session did, without the runs that are still to come.
BEGUN = [kind for kind in StateType if kind is not StateType.SCHEDULED]


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
    status: Literal["Active", "Suspended"]
    description: str
    schedule: ScheduleView | None
    schedules: list[ScheduleView]
    next_runs: list[datetime]
    last_run: RunRow | None
    state: SessionState
    parameters: dict[str, JsonValue]


async def list_sessions(client: PrefectClient, now: datetime) -> list[SessionView]:
    """Every session by name, with its last run. Back-off streaks count the newest 200 runs of all sessions."""
    found: list[DeploymentResponse] = []
    while page := await client.read_deployments(flow_filter=_our_flow(), limit=PAGE, offset=len(found)):
        found += page
    recent = await client.read_flow_runs(
        flow_filter=_our_flow(), flow_run_filter=_begun(), sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=PAGE
    )
    by_deployment: dict[UUID, list[FlowRun]] = {}
    for run in recent:
        if run.deployment_id:
            by_deployment.setdefault(run.deployment_id, []).append(run)
    views = [_view(item, by_deployment.get(item.id, []), now) for item in found]
    return sorted(views, key=lambda view: view.name)


async def show_session(client: PrefectClient, name: str, now: datetime) -> SessionView:
    """One session in full.

    Raises:
        SpecError: there is no such session; the sentence names those that are.
    """
    deployment = await find_session(client, name)
    return _view(deployment, await _runs_of(client, deployment.id, limit=50), now)


async def find_session(client: PrefectClient, name: str) -> DeploymentResponse:
    """The deployment of a session.

    Raises:
        SpecError: there is no such session; the sentence names those that are.
    """
    try:
        return await client.read_deployment_by_name(f"{FLOW_NAME}/{name}")
    except ObjectNotFound:
        known = await client.read_deployments(flow_filter=_our_flow(), limit=PAGE)
        names = ", ".join(sorted(item.name for item in known)) or "none; run `sessions deploy`"
        raise SpecError(f"there is no session {name!r}; deployed are: {names}", field="name") from None


async def _runs_of(client: PrefectClient, deployment_id: UUID, *, limit: int) -> list[FlowRun]:
    return await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id])),
        flow_run_filter=_begun(),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=limit,
    )


def _our_flow() -> FlowFilter:
    return FlowFilter(name=FlowFilterName(any_=[FLOW_NAME]))


def _begun() -> FlowRunFilter:
    return FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=BEGUN)))


def _view(deployment: DeploymentResponse, runs: Sequence[FlowRun], now: datetime) -> SessionView:
    # A recurrence rule that was made elsewhere has no slots that this project could tell.
    converted = [(item, from_prefect(item.schedule)) for item in deployment.schedules]
    schedules = [(item, schedule) for item, schedule in converted if schedule]
    active = [schedule for item, schedule in schedules if item.active and not deployment.paused]
    rows = [as_row(run) for run in runs]
    until = _waits_until(runs, deployment)
    slots = [time for schedule in active for time in next_times(schedule, now, _SLOTS_WHILE_WAITING if until else 3)]
    upcoming = sorted({next_attempt(slot, until) for slot in slots})[:3]
    views = [_schedule_view(item, schedule) for item, schedule in schedules]
    return SessionView(
        name=deployment.name,
        status="Active" if active or (not schedules and not deployment.paused) else "Suspended",
        description=deployment.description or "",
        schedule=views[0] if views else None,
        schedules=views,
        next_runs=upcoming,
        last_run=rows[0] if rows else None,
        state=_state(rows, upcoming),
        parameters=deployment.parameters,
    )


def _waits_until(runs: Sequence[FlowRun], deployment: DeploymentResponse) -> datetime | None:
    """Until when the session's schedules wait after errors."""
    default = SessionSpec.model_fields["backoff_seconds"].default
    delays = deployment.parameters.get("backoff_seconds", default)
    return waits_until(newest_first(item for item in map(as_ended, runs) if item), delays)


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
