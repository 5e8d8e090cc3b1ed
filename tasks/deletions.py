"""Sessions that are deleted while a run of theirs is at work: the deployment stays, marked, until the run is over.

Prefect 3.8 cannot end a run whose deployment is gone: the limit that the run holds is gone with it, the server answers
every ending with an error, and the run stays Running for ever. Drop when it can.
"""

from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType

from tasks.deployed import is_deleted, read_sessions
from tasks.pages import PAGE
from tasks.step import step

_NOT_OVER = [StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING, StateType.SCHEDULED]


@step("finish-deletions")
async def finish_deletions() -> int:
    """Delete the deployments that are marked and have no run at work any more; returns how many."""
    count = 0
    async with get_client() as client:
        for deployment in filter(is_deleted, await read_sessions(client)):
            if not await runs_at_work(client, deployment.id):
                await client.delete_deployment(deployment.id)
                get_run_logger().info("Deleted %s, whose last run is over", deployment.name)
                count += 1
    return count


async def runs_at_work(client: PrefectClient, deployment_id: UUID) -> list[FlowRun]:
    """The runs of a deployment that have begun and are not over, those that wait to be tried again included."""
    found = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment_id]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_NOT_OVER)),
        ),
        limit=PAGE,
    )
    return [run for run in found if run.state_type is not StateType.SCHEDULED or run.run_count]
