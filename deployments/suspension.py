"""Stops and starts the schedules of a session or a dispatch. A run that is at work goes on; one can be triggered."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from pydantic import BaseModel

from deployments.deployed import find_session
from deployments.dispatching import find_dispatch
from deployments.prefect_schedules import from_prefect
from deployments.prefect_server import said_plainly
from sessions.errors import SpecError
from sessions.outcome import Outcome
from sessions.schedule import next_times
from tasks.flow_runs import as_state
from tasks.run_origins import is_attempt, is_dispatched

#: The most that the server returns at once.
_PAGE = 200


class Switched(BaseModel, frozen=True):
    """What became of a session's schedules. `changed` is False where it was so before; `next_run_at` is aware."""

    name: str
    status: Literal["Active", "Suspended"]
    changed: bool
    called_off: int = 0
    next_run_at: datetime | None = None


async def suspend_session(client: PrefectClient, name: str) -> Switched:
    """Stop every schedule of a session: what was scheduled ahead is gone at once, and nothing new starts.

    Each schedule is switched off by itself, as the UI does it, since the next deploy switches a deployment that is
    paused as a whole on again. Runs that were due and had not begun are ended as stopped.

    Raises:
        SpecError: there is no such session, or it has no schedule.
        ServerError: the server refuses.
    """
    deployment = await _find_scheduled(client, name)
    was_active = any(schedule.active for schedule in deployment.schedules) and not deployment.paused
    with said_plainly(name):
        called_off = await suspend_schedules(client, deployment)
    return Switched(name=name, status="Suspended", changed=was_active, called_off=called_off)


async def suspend_schedules(client: PrefectClient, deployment: DeploymentResponse) -> int:
    """Switch every schedule off, and end what was due and has not begun; returns how many runs those were."""
    for schedule in deployment.schedules:
        if schedule.active:
            await client.update_deployment_schedule(deployment.id, schedule.id, active=False)
    return await _call_off(client, deployment.id)


async def resume_session(client: PrefectClient, name: str, now: datetime) -> Switched:
    """Start every schedule of a session again; slots that passed meanwhile stay passed.

    Raises:
        SpecError: there is no such session, or it has no schedule.
        ServerError: the server refuses.
    """
    deployment = await _find_scheduled(client, name)
    inactive = [schedule for schedule in deployment.schedules if not schedule.active]
    with said_plainly(name):
        for schedule in inactive:
            await client.update_deployment_schedule(deployment.id, schedule.id, active=True)
        if deployment.paused:
            await client.resume_deployment(deployment.id)
        await schedule_slots(client, deployment.id)
    converted = [from_prefect(item.schedule) for item in deployment.schedules]
    upcoming = [time for schedule in converted if schedule for time in next_times(schedule, now, 1)]
    changed = bool(inactive) or bool(deployment.paused)
    return Switched(name=name, status="Active", changed=changed, next_run_at=min(upcoming, default=None))


async def schedule_slots(client: PrefectClient, deployment_id: UUID) -> None:
    """Have the server create the coming runs of the active schedules now.

    Its scheduler would do so some seconds later, too late for a slot that comes before that.
    """
    await client.request("POST", "/deployments/{id}/schedule", path_params={"id": deployment_id}, json={})


async def _find_scheduled(client: PrefectClient, name: str) -> DeploymentResponse:
    deployment = await find_dispatch(client, name) or await find_session(client, name)
    if not deployment.schedules:
        raise SpecError(f"{name} has no schedule; it runs only when it is triggered", field="schedules")
    return deployment


async def _call_off(client: PrefectClient, deployment_id: UUID) -> int:
    """End what a schedule made and no process has begun. The server itself deletes only what is still to come."""
    scheduled = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))
    waiting = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id])),
        flow_run_filter=scheduled,
        limit=_PAGE,
    )
    called_off = [run for run in waiting if _is_waiting_slot(run)]
    stopped = as_state(Outcome.STOPPED, "the session was suspended before this run began")
    for run in called_off:
        await client.set_flow_run_state(run.id, stopped)
    return len(called_off)


def _is_waiting_slot(run: FlowRun) -> bool:
    return (bool(run.auto_scheduled) or is_attempt(run) or is_dispatched(run)) and not run.run_count
