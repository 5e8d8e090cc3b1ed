"""Has a session's schedules come due while a test waits, and its runs run in the test's own process."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort
from pydantic import JsonValue

from deployments.apply import apply_definitions
from deployments.definitions import Definition
from tests.fakes.house import POOL_WITHOUT_WORKER, House
from tests.fakes.stack import a_definition

LOOK_SECONDS = 0.1
A_MINUTE = timedelta(minutes=1)
#: Has every agent fail at once.
FAULT: dict[str, Any] = {
    "when": {"has_tools": True},
    "answer": {"error": {"type": "authentication_error", "message": "no"}},
}
#: How Prefect ends a run that its limit of one turns away.
TURNED_AWAY = State[None](type=StateType.CANCELLED, message="Deployment concurrency limit reached.")


async def deployed(client: PrefectClient, name: str) -> DeploymentResponse:
    return await client.read_deployment_by_name(f"scheduled-session/{name}")


async def make_due_every(house: House, name: str, interval: timedelta) -> None:
    """Give a session's one schedule an interval that no definition may have, and have the server make its runs."""
    async with house.client() as client:
        deployment = await deployed(client, name)
        schedule = IntervalSchedule(interval=interval, anchor_date=datetime.now(UTC))
        await client.update_deployment_schedule(deployment.id, deployment.schedules[0].id, schedule=schedule)
        await make_runs(client, deployment.id)


async def make_runs(client: PrefectClient, deployment_id: UUID, **window: object) -> None:
    """Do now what the server's scheduler does every minute."""
    answer = await client._client.post(f"/deployments/{deployment_id}/schedule", json=window)
    answer.raise_for_status()


async def runs_of(house: House, deployment_id: UUID | None) -> list[FlowRun]:
    """All runs of a deployment, also of one that is gone, in the order of their slots."""
    assert deployment_id is not None
    async with house.client() as client:
        return await client.read_flow_runs(
            flow_run_filter=FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment_id])),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        )


async def work_off(house: House, name: str, *, until_ended: int, seconds: float = 40.0) -> list[FlowRun]:
    """Be the worker of one session, one run at a time, until so many agents have ended; returns the runs by slot."""
    async with house.client() as client:
        deployment = await deployed(client, name)
    give_up = time.monotonic() + seconds
    while True:
        runs = await runs_of(house, deployment.id)
        if sum(run.state_type in (StateType.COMPLETED, StateType.FAILED) for run in runs) >= until_ended:
            return runs
        assert time.monotonic() < give_up, "not so many runs ended in time"
        now = datetime.now(UTC)
        due = [run for run in runs if run.next_scheduled_start_time and run.next_scheduled_start_time <= now]
        waiting = [run for run in due if run.state_type is StateType.SCHEDULED]
        if waiting:
            await house.finish(waiting[0].id)
        else:
            await asyncio.sleep(LOOK_SECONDS)


async def deploy_once(house: House, name: str, at: datetime, **parameters: JsonValue) -> UUID:
    """Deploy a session that is due once, at the whole second of `at`, and have the server make its run.

    A moment that is past is given no deadline, so that its run starts all the same.
    """
    given = {"starting_deadline_seconds": 0} | parameters
    raw = a_definition(name, pool=POOL_WITHOUT_WORKER, **given).model_dump(exclude_none=True)
    rule = f"DTSTART:{at.astimezone(UTC):%Y%m%dT%H%M%S}\nRRULE:FREQ=DAILY;COUNT=1"
    definition = Definition.model_validate(raw | {"schedules": [{"rrule": rule, "timezone": "UTC", "slug": "once"}]})
    around = {"start_time": (at - A_MINUTE).isoformat(), "end_time": (at + A_MINUTE).isoformat()}
    async with house.client() as client:
        (applied,) = await apply_definitions([definition], client=client, root=house.root)
        await make_runs(client, applied.deployment_id, **around)
    return applied.deployment_id


async def is_active(house: House, deployment_id: UUID) -> list[bool]:
    """Whether each schedule of a deployment is on."""
    async with house.client() as client:
        return [item.active for item in (await client.read_deployment(deployment_id)).schedules]
