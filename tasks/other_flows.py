"""The runs of this project's other flows, in which no agent works: those of dispatches, and of housekeeping itself."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType

from sessions.retention import expired
from tasks.dispatching import DISPATCH_FLOW
from tasks.pages import PAGE
from tasks.run_rows import as_ended

#: So many that went well and so many that did not stay of each deployment: a day of decisions every quarter of an hour.
KEEP_DECISIONS = 100
_FLOWS = [DISPATCH_FLOW, "housekeeping"]
_FINAL = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]


async def old_runs_of_other_flows(client: PrefectClient, now: datetime) -> list[FlowRun]:
    """The runs to delete: those beyond the newest of each deployment, and skipped ones after 30 days."""
    by_deployment: defaultdict[tuple[UUID, UUID | None], list[FlowRun]] = defaultdict(list)
    for run in await _read(client):
        by_deployment[run.flow_id, run.deployment_id].append(run)
    return [run for runs in by_deployment.values() for run in _beyond(runs, now)]


def _beyond(runs: list[FlowRun], now: datetime) -> list[FlowRun]:
    by_id = {str(run.id): run for run in runs}
    ended = [item for item in map(as_ended, runs) if item]
    return [
        by_id[item.run_id]
        for item in expired(ended, keep_successful=KEEP_DECISIONS, keep_failed=KEEP_DECISIONS, now=now)
    ]


async def _read(client: PrefectClient) -> list[FlowRun]:
    runs: list[FlowRun] = []
    while page := await client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=_FLOWS)),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_FINAL))),
        limit=PAGE,
        offset=len(runs),
    ):
        runs += page
    return runs
