"""Sessions that are due once: their schedule is switched off when its run is over, and they may be deleted."""

from datetime import datetime, timedelta
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
)
from prefect.client.schemas.objects import DeploymentSchedule, FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from sessions.run_record import RunRecord
from tasks.deletions import runs_at_work
from tasks.deployed import one_moment, read_sessions
from tasks.flow_runs import outcome_of_flow_run, utc_now
from tasks.pages import PAGE
from tasks.run_origins import is_attempt
from tasks.step import step

_A_MOMENT = timedelta(seconds=1)


async def switch_off_what_was_due_once(record: RunRecord) -> None:
    """Switch off the schedule whose one moment this run, which ends now however it does, was made for."""
    async with get_client() as client:
        try:
            run = await client.read_flow_run(UUID(record.run_id))
            if run.deployment_id and run.auto_scheduled:
                await _switch_off(client, await client.read_deployment(run.deployment_id), ending=run.id)
        except ObjectNotFound:
            return


@step("retire-one-shots")
async def retire_one_shots() -> int:
    """Do the same for runs that ended without a process of theirs, and delete what is done with; returns how many."""
    deleted = 0
    async with get_client() as client:
        for deployment in await read_sessions(client):
            await _switch_off(client, deployment)
            if deployment.parameters.get("delete_after_run") and await _is_done_with(client, deployment):
                await client.delete_deployment(deployment.id)
                get_run_logger().info("Deleted %s: it was due once, and its run succeeded", deployment.name)
                deleted += 1
    return deleted


async def _switch_off(client: PrefectClient, deployment: DeploymentResponse, ending: UUID | None = None) -> None:
    for item in deployment.schedules:
        moment = one_moment(item)
        if not item.active or moment is None or moment > utc_now():
            continue
        runs = [run for run in await _runs_since(client, deployment.id, moment) if _made_by(run, item)]
        if runs and all(run.id == ending or outcome_of_flow_run(run) for run in runs):
            await client.update_deployment_schedule(deployment.id, item.id, active=False)


async def _is_done_with(client: PrefectClient, deployment: DeploymentResponse) -> bool:
    """Whether every schedule was due once and is over, the last automatic run succeeded, and nothing is at work."""
    moments = [one_moment(item) for item in deployment.schedules]
    known = [moment for moment in moments if moment and moment <= utc_now()]
    if not known or len(known) < len(moments):
        return False
    outcomes = [(run, outcome_of_flow_run(run)) for run in await _runs_since(client, deployment.id, min(known))]
    ours = [outcome for run, outcome in outcomes if run.auto_scheduled or is_attempt(run)]
    newest = ours[-1] if ours else None
    if newest is None or newest.state_type != "COMPLETED" or not all(outcome for _, outcome in outcomes):
        return False
    return not await runs_at_work(client, deployment.id)


def _made_by(run: FlowRun, item: DeploymentSchedule) -> bool:
    return bool(run.auto_scheduled and run.created_by and run.created_by.id == item.id)


async def _runs_since(client: PrefectClient, deployment_id: UUID, moment: datetime) -> list[FlowRun]:
    """The runs that were due at `moment` or later, in that order."""
    expected = FlowRunFilterExpectedStartTime(after_=moment - _A_MOMENT)
    runs = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id])),
        flow_run_filter=FlowRunFilter(expected_start_time=expected),
        limit=PAGE,
    )
    return sorted(runs, key=lambda run: run.expected_start_time or moment)
