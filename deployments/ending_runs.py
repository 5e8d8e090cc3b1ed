"""A session's runs that are at work: which they are, and how they are ended."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType

from sessions.errors import ServerError

#: A run that is cancelled gets SIGTERM at once and SIGKILL after 30 s.
CANCELLED_WITHIN = timedelta(seconds=45)
POLL_SECONDS = 0.25
_PAGE = 200
_AT_WORK = [StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING, StateType.SCHEDULED]


async def runs_at_work(client: PrefectClient, deployment_id: UUID) -> list[FlowRun]:
    """The runs of a deployment that have begun and are not over, those that wait to be tried again included.

    It need not be there any more.
    """
    found = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment_id]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_AT_WORK)),
        ),
        limit=_PAGE,
    )
    return [run for run in found if run.state_type is not StateType.SCHEDULED or run.run_count]


async def cancel_runs(client: PrefectClient, runs: Sequence[FlowRun], reason: str) -> None:
    """Ask for the end of runs; their worker ends each with all its processes."""
    for run in runs:
        if run.state_type is not StateType.CANCELLING:
            await client.set_flow_run_state(run.id, State(type=StateType.CANCELLING, message=reason))


async def wait_until_over(client: PrefectClient, deployment_id: UUID, within: timedelta = CANCELLED_WITHIN) -> None:
    """Wait until no run of a deployment is at work.

    Raises:
        ServerError: one still is after that time: no worker heard of it, say.
    """
    for _ in range(int(within.total_seconds() / POLL_SECONDS)):
        if not (left := await runs_at_work(client, deployment_id)):
            return
        await asyncio.sleep(POLL_SECONDS)
    raise ServerError(f"{left[0].name} ({left[0].id}) did not end within {within.seconds} s; is its worker online?")
