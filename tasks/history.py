"""Keeps each session's history as long as the session says."""

from datetime import datetime
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
    Operator,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from sessions.errors import SessionError
from sessions.leftovers import delete_leftovers
from sessions.outcome import Outcome
from sessions.retention import KEEP_SKIPPED, expired
from sessions.run_folder import runs_folder
from sessions.settings import read_settings
from sessions.spec import SessionSpec
from sessions.unlearned import is_kept
from tasks.deployed import read_sessions
from tasks.flow_runs import utc_now
from tasks.gone_sessions import runs_to_come_without_session, runs_without_session
from tasks.kept_rows import forget_rows, keep_rows
from tasks.other_flows import old_runs_of_other_flows
from tasks.pages import PAGE
from tasks.run_rows import as_ended, as_row, counted_with
from tasks.step import step
from tasks.strays import delete_strays

#: Runs in which an agent worked are kept by count: also those that were stopped in the middle of it.
_WORKED = FlowRunFilterState(  # type: ignore[call-arg]  # Prefect hides `operator` from type checkers in a mixin
    type=FlowRunFilterStateType(any_=[StateType.COMPLETED, StateType.FAILED, StateType.CRASHED]),
    name=FlowRunFilterStateName(any_=[Outcome.STOPPED.state_name, Outcome.OVER_BUDGET.state_name]),
    operator=Operator.or_,
)
#: What was skipped, by age.
_SKIPPED = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLED]))


@step("keep-history")
async def keep_history() -> int:
    """Delete the runs that no session keeps any more, with their artifacts, logs and files; returns how many."""
    count, now = 0, utc_now()
    async with get_client() as client:
        sessions = await read_sessions(client)
        for deployment in sessions:
            over = await _over(client, deployment, now)
            if over:
                await keep_rows(client, deployment.name, [as_row(run) for run in over], now)
            count += sum([await _delete(client, run) for run in over])
        for run in await runs_without_session(client, sessions, now):
            await _forget_rows_of(client, run, sessions)
            count += not _still_needed(run) and await _delete(client, run)
        for run in await runs_to_come_without_session(client, sessions):
            await _delete(client, run)
        count += sum([await _delete(client, run) for run in await old_runs_of_other_flows(client, now)])
        count += await delete_strays(client, now)
    get_run_logger().info("Deleted %s runs that are kept no longer", count)
    return count


async def _over(client: PrefectClient, deployment: DeploymentResponse, now: datetime) -> list[FlowRun]:
    runs = await _read(client, FlowRunFilter(state=_WORKED), deployment.id)
    long_ago = FlowRunFilterEndTime(before_=now - KEEP_SKIPPED)
    runs += await _read(client, FlowRunFilter(state=_SKIPPED, end_time=long_ago), deployment.id)
    by_id = {str(run.id): run for run in runs if not _still_needed(run)}
    fields = SessionSpec.model_fields
    keep = {name: deployment.parameters.get(name, fields[name].default) for name in ("keep_successful", "keep_failed")}
    every = (as_ended(run, schedule=counted_with(run, deployment.schedules)) for run in by_id.values())
    ended = [item for item in every if item]
    return [by_id[item.run_id] for item in expired(ended, now=now, **keep)]


async def _forget_rows_of(client: PrefectClient, run: FlowRun, sessions: list[DeploymentResponse]) -> None:
    names = {tag.removeprefix("session:") for tag in run.tags if tag.startswith("session:")}
    for name in names - {item.name for item in sessions}:
        await forget_rows(client, name)


async def _read(client: PrefectClient, which: FlowRunFilter, deployment_id: UUID) -> list[FlowRun]:
    runs: list[FlowRun] = []
    of_session = DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id]))
    while page := await client.read_flow_runs(
        flow_run_filter=which, deployment_filter=of_session, limit=PAGE, offset=len(runs)
    ):
        runs += page
    return runs


def _still_needed(run: FlowRun) -> bool:
    # Prefect may call a run over while something of it is still to be remembered or delivered.
    folder = runs_folder(read_settings().home) / str(run.id)
    return folder.exists() and is_kept(folder)


async def _delete(client: PrefectClient, run: FlowRun) -> bool:
    """Delete a run with all that belongs to it, its row on the server last; False if it has to be tried again."""
    try:
        delete_leftovers(str(run.id), read_settings())
    except SessionError as error:
        get_run_logger().warning("Run %s is kept for now: %s", run.id, error)
        return False
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    for artifact in await client.read_artifacts(artifact_filter=of_run):
        await client.delete_artifact(artifact.id)
    try:
        await client.delete_flow_run(run.id)
    except ObjectNotFound:
        return False
    return True
