"""The newest runs of many sessions in few calls, enough to say of each how it went."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort

from tasks.pages import read_pages

#: What a session did, without the runs that are still to come.
_BEGUN: list[StateType] = [kind for kind in StateType if kind is not StateType.SCHEDULED]
#: Those that a row of errors is made of, or ends with.
_COUNTED = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED]
#: How far back to look for sessions that are not told yet: those that run hourly, daily, weekly, monthly, seldom.
_BACK = (timedelta(hours=2), timedelta(hours=26), timedelta(days=8), timedelta(days=32), None)


async def newest_runs(
    client: PrefectClient, deployment_ids: Sequence[UUID], now: datetime
) -> dict[UUID, list[FlowRun]]:
    """The newest runs of each session, newest slot first: at least its last one, and all back to its last success.

    Each look goes further back, and only for the sessions that the looks before did not tell. Sessions without a run
    have an empty list.
    """
    found: dict[UUID, list[FlowRun]] = {each: [] for each in deployment_ids}
    before = None
    for span in _BACK:
        after = now - span if span else None
        unseen = [each for each, runs in found.items() if not runs]
        untold = [each for each, runs in found.items() if runs and not _tells_all(runs)]
        for look in (
            await _read(client, unseen, _BEGUN, after, before),
            await _read(client, untold, _COUNTED, after, before),
        ):
            for run in look:
                if run.deployment_id in found:
                    found[run.deployment_id].append(run)
        before = after
    return found


def _tells_all(runs: Iterable[FlowRun]) -> bool:
    """Whether a success is among them, which ends every row of errors."""
    return any(run.state_type is StateType.COMPLETED for run in runs)


async def _read(
    client: PrefectClient,
    deployment_ids: list[UUID],
    kinds: list[StateType],
    after: datetime | None,
    before: datetime | None,
) -> list[FlowRun]:
    """All runs of some sessions whose slot is after a moment and not after another, newest first."""
    if not deployment_ids:
        return []
    which = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=deployment_ids),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=kinds)),
        expected_start_time=FlowRunFilterExpectedStartTime(after_=after, before_=before),
    )
    newest_first = FlowRunSort.EXPECTED_START_TIME_DESC

    async def read(offset: int, limit: int) -> list[FlowRun]:
        return await client.read_flow_runs(flow_run_filter=which, sort=newest_first, limit=limit, offset=offset)

    count = await client.count_flow_runs(flow_run_filter=which)
    # A run that is begun meanwhile moves another to the next page.
    return list({run.id: run for run in (await read_pages(count, read) if count else [])}.values())
