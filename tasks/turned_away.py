"""Names what Prefect ended itself, so that people find it by its outcome too."""

from datetime import timedelta

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort

from tasks.deployed import FLOW_NAME
from tasks.flow_runs import as_state, utc_now, why_turned_away
from tasks.pages import PAGE
from tasks.step import step

#: Housekeeping comes more often than that; what is older was looked at.
_LOOK_BACK = timedelta(days=1)
#: What Prefect calls the state of a run that its concurrency limit turned away.
_PREFECTS_NAME = "Cancelled"


@step("name-turned-away")
async def name_turned_away() -> int:
    """Give runs that the limit turned away the state and the tag of `skipped_overlap`, or `missed`; returns how many.

    The run's times stay as they are, and no process is concerned: such a run never began.
    """
    runs: list[FlowRun] = []
    recently = FlowRunFilter(
        state=FlowRunFilterState(name=FlowRunFilterStateName(any_=[_PREFECTS_NAME])),
        end_time=FlowRunFilterEndTime(after_=utc_now() - _LOOK_BACK),
    )
    async with get_client() as client:
        while page := await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW_NAME])),
            flow_run_filter=recently,
            sort=FlowRunSort.END_TIME_DESC,
            limit=PAGE,
            offset=len(runs),
        ):
            runs += page
        turned_away = [(run, skip) for run, skip in zip(runs, map(why_turned_away, runs), strict=True) if skip]
        for run, skip in turned_away:
            await client.update_flow_run(run.id, tags=sorted({*run.tags, skip.outcome.value}))
            await client.set_flow_run_state(run.id, as_state(skip.outcome, skip.reason), force=True)
    get_run_logger().info("Named %s runs that Prefect's limit had turned away", len(turned_away))
    return len(turned_away)
