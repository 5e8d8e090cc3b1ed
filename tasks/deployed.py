"""The deployments of sessions as the server has them."""

from datetime import datetime

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import RRuleSchedule

from sessions.errors import SpecError
from sessions.schedule import parse_moment

FLOW_NAME = "scheduled-session"
#: The server's most at once.
PAGE = 200


async def read_sessions(client: PrefectClient) -> list[DeploymentResponse]:
    """Every session that is deployed."""
    found: list[DeploymentResponse] = []
    flow_filter = FlowFilter(name=FlowFilterName(any_=[FLOW_NAME]))
    while page := await client.read_deployments(flow_filter=flow_filter, limit=PAGE, offset=len(found)):
        found += page
    return found


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
