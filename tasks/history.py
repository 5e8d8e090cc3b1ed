"""Keeps each session's history as long as the session says."""

from contextlib import suppress
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    DeploymentFilter,
    DeploymentFilterId,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from sessions.retention import EndedRun, expired
from sessions.run_folder import delete_run, is_closed, runs_folder
from sessions.settings import read_settings
from sessions.spec import SessionSpec
from tasks.flow_runs import FLOW_NAME, outcome_of_flow_run, utc_now
from tasks.step import step

PAGE = 200
FINAL = [StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED, StateType.CRASHED]


@step("keep-history")
async def keep_history() -> int:
    """Delete the runs that no session keeps any more, with their artifacts, logs and files; returns how many."""
    count = 0
    async with get_client() as client:
        for deployment in await _sessions(client):
            for run in await _expired(client, deployment):
                await _delete(client, run.run_id)
                count += 1
    get_run_logger().info("Deleted %s runs that are kept no longer", count)
    return count


async def _sessions(client: PrefectClient) -> list[DeploymentResponse]:
    found: list[DeploymentResponse] = []
    flow_filter = FlowFilter(name=FlowFilterName(any_=[FLOW_NAME]))
    while page := await client.read_deployments(flow_filter=flow_filter, limit=PAGE, offset=len(found)):
        found += page
    return found


async def _expired(client: PrefectClient, deployment: DeploymentResponse) -> list[EndedRun]:
    runs: list[FlowRun] = []
    of_session = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
    over = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=FINAL)))
    while page := await client.read_flow_runs(
        deployment_filter=of_session, flow_run_filter=over, limit=PAGE, offset=len(runs)
    ):
        runs += page
    fields = SessionSpec.model_fields
    keep = {name: deployment.parameters.get(name, fields[name].default) for name in ("keep_successful", "keep_failed")}
    ended = [item for item in map(_as_ended, runs) if item and not _still_needed(item.run_id)]
    return expired(ended, now=utc_now(), **keep)


def _as_ended(run: FlowRun) -> EndedRun | None:
    outcome, at = outcome_of_flow_run(run), run.end_time or run.created
    return EndedRun(run_id=str(run.id), outcome=outcome, ended_at=at) if outcome and at else None


def _still_needed(run_id: str) -> bool:
    # Prefect may call a run over while something of it is still to be remembered or delivered.
    folder = runs_folder(read_settings().home) / run_id
    return folder.exists() and not is_closed(folder)


async def _delete(client: PrefectClient, run_id: str) -> None:
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[UUID(run_id)]))
    for artifact in await client.read_artifacts(artifact_filter=of_run):
        await client.delete_artifact(artifact.id)
    with suppress(ObjectNotFound):
        await client.delete_flow_run(UUID(run_id))
    delete_run(runs_folder(read_settings().home) / run_id)
