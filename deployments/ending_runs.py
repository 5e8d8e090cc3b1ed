"""Ends a session's runs: those that are at work, and those that are still to come."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import DeploymentResponse

from sessions.outcome import Outcome
from tasks.deletions import runs_at_work
from tasks.deployed import DELETED_TAG
from tasks.flow_runs import as_state
from tasks.pages import PAGE

#: A run that is cancelled gets SIGTERM at once and SIGKILL after 30 s.
CANCELLED_WITHIN = timedelta(seconds=45)
POLL_SECONDS = 0.25


async def retire(client: PrefectClient, deployment: DeploymentResponse) -> None:
    """Mark a session as deleted, and take away its schedules and what has not begun. What is at work is let be."""
    await client.update_deployment(deployment.id, DeploymentUpdate(tags=sorted({*deployment.tags, DELETED_TAG})))
    for schedule in deployment.schedules:
        await client.delete_deployment_schedule(deployment.id, schedule.id)
    which = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
    )
    for run in await client.read_flow_runs(flow_run_filter=which, limit=PAGE):
        if not run.run_count:
            await client.delete_flow_run(run.id)


async def cancel_runs(client: PrefectClient, runs: Sequence[FlowRun], reason: str) -> None:
    """Ask for the end of runs; the worker of one that has begun ends it with all its processes."""
    for run in runs:
        if run.state_type is StateType.PENDING:
            # Its process, if there is one yet, is turned away when it begins.
            await client.set_flow_run_state(run.id, as_state(Outcome.STOPPED, reason))
        elif run.state_type is not StateType.CANCELLING:
            await client.set_flow_run_state(run.id, State(type=StateType.CANCELLING, message=reason))


async def wait_until_over(
    client: PrefectClient, deployment_id: UUID, within: timedelta = CANCELLED_WITHIN
) -> list[FlowRun]:
    """Wait until no run of a deployment is at work; returns those that still are after that time."""
    for _ in range(int(within.total_seconds() / POLL_SECONDS)):
        if not await runs_at_work(client, deployment_id):
            return []
        await asyncio.sleep(POLL_SECONDS)
    return await runs_at_work(client, deployment_id)
