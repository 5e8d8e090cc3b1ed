"""The deployments of sessions as the server has them."""

from datetime import datetime

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import RRuleSchedule
from prefect.client.schemas.sorting import DeploymentSort

from sessions.errors import SpecError
from sessions.schedule import parse_moment
from tasks.pages import read_pages

FLOW_NAME = "scheduled-session"
#: A tag of the deployment; deploying the session anew takes it off.
DELETED_TAG = "sessions:deleted"


async def read_sessions(client: PrefectClient) -> list[DeploymentResponse]:
    """Every session that is deployed, in the order of their names."""
    ours = FlowFilter(name=FlowFilterName(any_=[FLOW_NAME]))

    async def read(offset: int, limit: int) -> list[DeploymentResponse]:
        return await client.read_deployments(flow_filter=ours, sort=DeploymentSort.NAME_ASC, limit=limit, offset=offset)

    answer = await client.request("POST", "/deployments/count", json={"flows": ours.model_dump(mode="json")})
    # One that is deployed meanwhile moves another to the next page.
    return list({item.id: item for item in await read_pages(answer.json(), read)}.values())


def is_deleted(deployment: DeploymentResponse) -> bool:
    """Whether the session was deleted, and is there only until its last run is over."""
    return DELETED_TAG in deployment.tags


def is_suspended(deployment: DeploymentResponse, now: datetime) -> bool:
    """Whether a session has schedules with slots to come, and none of them is active."""
    moments = [(item, one_moment(item)) for item in deployment.schedules]
    lasting = [item for item, moment in moments if moment is None or moment > now]
    return bool(deployment.paused) or (bool(lasting) and not any(item.active for item in lasting))


def one_moment(item: DeploymentSchedule) -> datetime | None:
    """The moment of a schedule that is due once; None for any other schedule."""
    if not isinstance(item.schedule, RRuleSchedule):
        return None
    try:
        return parse_moment(item.schedule.rrule, item.schedule.timezone or "UTC").at
    except SpecError:
        return None
