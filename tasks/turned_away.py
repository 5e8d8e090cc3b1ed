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
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.sorting import FlowRunSort

from sessions.outcome import Outcome
from tasks.deployed import FLOW_NAME, PAGE
from tasks.flow_runs import as_state, outcome_of_flow_run, utc_now
from tasks.step import step

#: Housekeeping comes more often than that; what is older was looked at.
_LOOK_BACK = timedelta(days=1)
#: What Prefect calls the state of a run that its concurrency limit turned away.
_PREFECTS_NAME = "Cancelled"


@step("name-turned-away")
async def name_turned_away() -> int:
    """Give runs that the limit turned away the state and the tag `skipped_overlap`; returns how many.

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
        turned_away = [run for run in runs if outcome_of_flow_run(run) is Outcome.SKIPPED_OVERLAP]
        for run in turned_away:
            await client.update_flow_run(run.id, tags=sorted({*run.tags, Outcome.SKIPPED_OVERLAP.value}))
            await client.set_flow_run_state(run.id, _named(run), force=True)
    get_run_logger().info("Named %s runs that were skipped for overlap", len(turned_away))
    return len(turned_away)


def _named(run: FlowRun) -> State[None]:
    said = (run.state.message if run.state else "") or "the limit of one was reached"
    return as_state(Outcome.SKIPPED_OVERLAP, f"another run of the session was at work: {said.rstrip('.')}")
