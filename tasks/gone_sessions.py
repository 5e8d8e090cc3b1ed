"""The runs of sessions that are there no more, and of none."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from sessions.retention import KEEP_SKIPPED
from tasks.deployed import FLOW_NAME
from tasks.pages import PAGE

_FINAL = FlowRunFilterState(
    type=FlowRunFilterStateType(
        any_=[StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED],
    )
)
_TO_COME = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
_NONE = FlowRunFilterDeploymentId(is_null_=True)
_OF_FLOW = FlowFilter(name=FlowFilterName(any_=[FLOW_NAME]))


async def runs_without_session(
    client: PrefectClient, deployed: Sequence[DeploymentResponse], now: datetime
) -> list[FlowRun]:
    """The ended runs that no session keeps any more, since it is gone or there never was one.

    A session that was deleted takes its history with it. The runs of one that was deleted since it was due once and
    succeeded are kept as long as skipped ones, and so are runs that were started without a deployment.
    """
    long_ago = FlowRunFilterEndTime(before_=now - KEEP_SKIPPED)
    found = await _read(client, FlowRunFilter(state=_FINAL, deployment_id=_NONE, end_time=long_ago))
    gone = await _of_gone(client, deployed, _FINAL)
    return found + [run for run in gone if not _is_kept_a_while(run, now)]


async def runs_to_come_without_session(client: PrefectClient, deployed: Sequence[DeploymentResponse]) -> list[FlowRun]:
    """The scheduled runs of sessions that are gone; none of them began, and nobody else would ever take them away.

    Prefect's scheduler first reads the deployments and then writes their runs: one that is deleted between the two
    gets its runs all the same.
    """
    return [run for run in await _of_gone(client, deployed, _TO_COME) if not run.run_count]


async def _of_gone(
    client: PrefectClient, deployed: Sequence[DeploymentResponse], state: FlowRunFilterState
) -> list[FlowRun]:
    if not await _any_left_over(client, deployed, state):
        return []
    ids = {item.id for item in deployed}
    runs = [run for run in await _read(client, FlowRunFilter(state=state)) if run.deployment_id not in ids]
    # The list of sessions was read a page at a time, while others may have changed it.
    gone = {each for each in {run.deployment_id for run in runs} if each and await _is_gone(client, each)}
    return [run for run in runs if run.deployment_id in gone]


async def _any_left_over(
    client: PrefectClient, deployed: Sequence[DeploymentResponse], state: FlowRunFilterState
) -> bool:
    """Whether there are runs of a deployment that is gone: counting is cheap, reading all runs is not."""
    ids = [item.id for item in deployed]
    parts = [FlowRunFilterDeploymentId(any_=ids[at : at + PAGE]) for at in range(0, len(ids), PAGE)]
    known = sum([await _count(client, FlowRunFilter(state=state, deployment_id=part)) for part in [_NONE, *parts]])
    return await _count(client, FlowRunFilter(state=state)) > known


async def _count(client: PrefectClient, which: FlowRunFilter) -> int:
    return await client.count_flow_runs(flow_filter=_OF_FLOW, flow_run_filter=which)


async def _read(client: PrefectClient, which: FlowRunFilter) -> list[FlowRun]:
    runs: list[FlowRun] = []
    while page := await client.read_flow_runs(
        flow_filter=_OF_FLOW, flow_run_filter=which, limit=PAGE, offset=len(runs)
    ):
        runs += page
    return runs


async def _is_gone(client: PrefectClient, deployment_id: UUID) -> bool:
    try:
        await client.read_deployment(deployment_id)
    except ObjectNotFound:
        return True
    return False


def _is_kept_a_while(run: FlowRun, now: datetime) -> bool:
    if not run.parameters.get("delete_after_run") or run.state_type is not StateType.COMPLETED:
        return False
    return run.end_time is not None and now - run.end_time <= KEEP_SKIPPED
