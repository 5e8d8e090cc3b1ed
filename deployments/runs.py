"""A session's runs as the server has them."""

from datetime import datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
)
from prefect.client.schemas.objects import FlowRun

from sessions.ledger import RunRow
from tasks.run_rows import as_row

__all__ = ["RunRow", "as_row", "runs_between"]

PAGE = 200


async def runs_between(client: PrefectClient, deployment_id: UUID, after: datetime, until: datetime) -> list[FlowRun]:
    """The runs of one session whose slot is in a span of time, those that are to begin included."""
    of_session = DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id]))
    expected = FlowRunFilterExpectedStartTime(after_=after, before_=until)
    found: list[FlowRun] = []
    while page := await client.read_flow_runs(
        deployment_filter=of_session,
        flow_run_filter=FlowRunFilter(expected_start_time=expected),
        limit=PAGE,
        offset=len(found),
    ):
        found += page
    return found
