"""The sessions that a Prefect server has: deployments of the one flow."""

from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from deployments.prefect_server import said_plainly
from sessions.errors import SpecError
from tasks.deployed import FLOW_NAME, is_deleted, read_sessions
from tasks.pages import PAGE

ENDED = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]


async def find_session(client: PrefectClient, name: str) -> DeploymentResponse:
    """The deployment of a session.

    Raises:
        SpecError: there is no such session; the sentence names those that are.
        ServerError: the server does not answer, or refuses.
    """
    if deployment := await find_deployed(client, name):
        return deployment
    raise await unknown_session(client, name)


async def find_deployed(client: PrefectClient, name: str, *, deleted_too: bool = False) -> DeploymentResponse | None:
    """The deployment of a session; None if the server has none, or it is there only until its last run is over.

    Args:
        client: an open client of the server.
        name: the session.
        deleted_too: take it in that case as well.

    Raises:
        ServerError: the server does not answer, or refuses.
    """
    with said_plainly(name):
        try:
            found = await client.read_deployment_by_name(f"{FLOW_NAME}/{name}")
        except ObjectNotFound:
            return None
    return found if deleted_too or not is_deleted(found) else None


async def unknown_session(client: PrefectClient, name: str) -> SpecError:
    """What to raise where there is no session of that name; the sentence names those that are.

    Raises:
        ServerError: the server does not answer, or refuses.
    """
    with said_plainly():
        known = await client.read_deployments(flow_filter=our_flow(), limit=PAGE)
    names = ", ".join(sorted(item.name for item in known if not is_deleted(item))) or "none; run `sessions deploy`"
    return SpecError(f"there is no session {name!r}; deployed are: {names}", field="name")


async def all_sessions(client: PrefectClient) -> list[DeploymentResponse]:
    """The deployments of all sessions, in the order of their names.

    Raises:
        ServerError: the server does not answer, or refuses.
    """
    with said_plainly():
        return [item for item in await read_sessions(client) if not is_deleted(item)]


async def count_ended(client: PrefectClient, deployment_id: UUID) -> int:
    """How many runs of a deployment are over and still recorded."""
    return await client.count_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment_id]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=ENDED)),
        )
    )


def our_flow() -> FlowFilter:
    """The filter of what belongs to sessions."""
    return FlowFilter(name=FlowFilterName(any_=[FLOW_NAME]))
