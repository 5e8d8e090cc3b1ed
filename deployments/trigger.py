"""One run now, whatever the schedule says."""

import asyncio
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import PrefectHTTPStatusError
from pydantic import JsonValue

from deployments.deployed import find_session
from sessions.errors import ServerError
from sessions.spec import parse_spec

POLL_SECONDS = 0.25


async def trigger_session(client: PrefectClient, name: str, overrides: dict[str, JsonValue]) -> FlowRun:
    """Ask for one run now. It is linked to its session, counts for overlap, and leaves the schedule as it is.

    Raises:
        SpecError: there is no such session, or a parameter is wrong; nothing was started.
        ServerError: the server refuses.
    """
    deployment = await find_session(client, name)
    parse_spec({**deployment.parameters, **overrides})
    try:
        return await client.create_flow_run_from_deployment(deployment.id, parameters=overrides)
    except PrefectHTTPStatusError as error:
        raise ServerError(f"the server refused the run: {error.response.text}") from error


async def wait_for_end(client: PrefectClient, run_id: UUID) -> FlowRun:
    """Wait until a run is over, however it ends."""
    while True:
        run = await client.read_flow_run(run_id)
        if run.state and run.state.is_final():
            return run
        await asyncio.sleep(POLL_SECONDS)
