"""One run now, whatever the schedule says."""

import asyncio
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import PrefectHTTPStatusError
from pydantic import JsonValue

from deployments.changes import chosen_schedule
from deployments.check_schedules import OF_THE_SESSION
from deployments.deployed import find_session
from sessions.errors import ServerError, SpecError
from sessions.spec import parse_spec
from tasks.run_origins import SCHEDULE_TAG

POLL_SECONDS = 0.25


async def trigger_session(
    client: PrefectClient, name: str, overrides: dict[str, JsonValue], *, slug: str = ""
) -> FlowRun:
    """Ask for one run now. It is linked to its session, counts for overlap, and leaves the schedule as it is.

    Args:
        client: an open client of the server.
        name: the session.
        overrides: parameters of this run alone.
        slug: the schedule for which it is, whose own parameters it has, and with whose runs it is kept.

    Raises:
        SpecError: there is no such session or schedule, or a parameter is wrong; nothing was started.
        ServerError: the server refuses.
    """
    for rule in OF_THE_SESSION:
        if rule in overrides:
            why = "is a rule of the session, and does nothing in one run; change it with `sessions update`"
            raise SpecError(f"{rule} {why}", field=rule)
    deployment = await find_session(client, name)
    given, tags = overrides, list[str]()
    if slug:
        position = chosen_schedule([item.slug or "" for item in deployment.schedules], slug)
        given, tags = {**deployment.schedules[position].parameters, **overrides}, [SCHEDULE_TAG + slug]
    parse_spec({**deployment.parameters, **given})
    try:
        return await client.create_flow_run_from_deployment(deployment.id, parameters=given, tags=tags)
    except PrefectHTTPStatusError as error:
        raise ServerError(f"the server refused the run: {error.response.text}") from error


async def wait_for_end(client: PrefectClient, run_id: UUID) -> FlowRun:
    """Wait until a run is over, however it ends."""
    while True:
        run = await client.read_flow_run(run_id)
        if run.state and run.state.is_final():
            return run
        await asyncio.sleep(POLL_SECONDS)
