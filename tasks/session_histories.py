"""What the server knows of sessions around a moment, as a dispatch looks at it."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse

from sessions.dispatch import LOOK_BACK, SessionHistory, history_at
from sessions.ledger import merge_rows
from sessions.spec import SessionSpec
from tasks.deployed import FLOW_NAME, is_deleted, is_suspended
from tasks.kept_rows import MOST_ROWS, read_kept
from tasks.pages import PAGE
from tasks.run_rows import as_row


async def histories_at(
    client: PrefectClient, names: Collection[str], *, at: datetime, now: datetime
) -> dict[str, SessionHistory]:
    """Each named session at a moment, which may be past or to come; those that the server lacks are said to be so.

    Runs that were deleted since count by the lines that are kept of them.
    """
    deployed = await _read_deployed(client, names)
    runs = await _read_runs(client, [item.id for item in deployed.values()], at)
    found = {name: SessionHistory(deployed=False) for name in names}
    for name, item in deployed.items():
        there = [as_row(run) for run in runs if run.deployment_id == item.id]
        kept = await read_kept(client, name)
        rows = merge_rows(kept, there, since=at - LOOK_BACK, most=MOST_ROWS + len(there))
        found[name] = history_at(rows, at=at, now=now, delays=_delays(item), suspended=is_suspended(item, now))
    return found


async def _read_deployed(client: PrefectClient, names: Collection[str]) -> Mapping[str, DeploymentResponse]:
    found: list[DeploymentResponse] = []
    while page := await client.read_deployments(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW_NAME])),
        deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=sorted(names))),
        limit=PAGE,
        offset=len(found),
    ):
        found += page
    return {item.name: item for item in found if not is_deleted(item)}


async def _read_runs(client: PrefectClient, deployment_ids: list[UUID], at: datetime) -> list[FlowRun]:
    """The runs of some sessions that were due in the days before a moment, that moment included."""
    if not deployment_ids:
        return []
    which = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=deployment_ids),
        expected_start_time=FlowRunFilterExpectedStartTime(after_=at - LOOK_BACK, before_=at),
    )
    found: list[FlowRun] = []
    while page := await client.read_flow_runs(flow_run_filter=which, limit=PAGE, offset=len(found)):
        found += page
    return found


def _delays(deployment: DeploymentResponse) -> list[int]:
    default: list[int] = SessionSpec.model_fields["backoff_seconds"].default
    given = deployment.parameters.get("backoff_seconds", default)
    return given if isinstance(given, list) else default
