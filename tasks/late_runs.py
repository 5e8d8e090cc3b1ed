"""Names runs as missed that can only be too late, without a process for each."""

import httpx
from prefect import get_run_logger
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import SetStateStatus
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound, PrefectException

from sessions.admission import Skip
from sessions.locks import HeldError, held
from sessions.settings import read_settings
from tasks.deployed import FLOW_NAME
from tasks.flow_runs import as_state, too_late, utc_now
from tasks.pages import PAGE
from tasks.step import step

#: Runs that nobody has begun. One that waits to be tried again, or to be resumed, is called otherwise.
_WAITING = FlowRunFilterState(name=FlowRunFilterStateName(any_=["Scheduled", "Late"]))


@step("miss-late-runs")
async def miss_late_runs() -> int:
    """End runs that wait longer than their starting deadline allows as missed, the oldest first; returns how many.

    After an outage hundreds of them may wait. A process that starts only to say so takes seconds, and what is due
    meanwhile would be late for it too. One run at a time does this for the others, for a page of them.
    """
    try:
        with held(read_settings().home, "late-runs"):
            count = await _miss_late_runs()
    except HeldError:
        return 0
    except (httpx.HTTPError, PrefectException) as error:
        get_run_logger().warning("Runs that waited too long cannot be named as missed for now: %s", error)
        return 0
    if count:
        get_run_logger().warning("%s runs that waited too long are missed", count)
    return count


async def _miss_late_runs() -> int:
    now = utc_now()
    due = FlowRunFilter(state=_WAITING, expected_start_time=FlowRunFilterExpectedStartTime(before_=now))
    async with get_client() as client:
        waiting = await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW_NAME])),
            flow_run_filter=due,
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=PAGE,
        )
        late = [(run, skip) for run in waiting if not run.run_count and (skip := too_late(run, now))]
        return sum([await _miss(client, run, skip) for run, skip in late])


async def _miss(client: PrefectClient, run: FlowRun, skip: Skip) -> bool:
    try:
        ended = await client.set_flow_run_state(run.id, as_state(skip.outcome, skip.reason))
        if ended.status is SetStateStatus.ACCEPT:
            await client.update_flow_run(run.id, tags=sorted({*run.tags, skip.outcome.value}))
    except ObjectNotFound:
        return False  # its session was deleted meanwhile
    return ended.status is SetStateStatus.ACCEPT
