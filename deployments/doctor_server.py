"""What the Prefect server has to be told, if slots are to be kept."""

from datetime import datetime, timedelta
from http import HTTPStatus

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowFilter, FlowFilterName, FlowRunFilter, FlowRunFilterStartTime
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from pydantic import BaseModel

from deployments.automations import missing_automations
from deployments.examination import Examined, bad, doubtful, good
from hooks.interrupted import HOUSEKEEPING
from tasks.deployed import FLOW_NAME
from tasks.signs_of_life import HEARTBEAT

#: The server keeps events for a week.
_LOOK_BACK = timedelta(days=6)
_DURABLE = ("lease_storage.filesystem", "redis")
_BOTH_KNOW = "PREFECT_SERVER_API_AUTH_STRING and PREFECT_API_AUTH_STRING, both the same USER:PASSWORD"
_ORDER = "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING=deployments.event_order"
_LEASES = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE=prefect.server.concurrency.lease_storage.filesystem"


class _Concurrency(BaseModel):
    lease_storage: str


class _EventSettings(BaseModel):
    causal_ordering: str


class _ServerPart(BaseModel):
    concurrency: _Concurrency
    events: _EventSettings


class _ServerSettings(BaseModel):
    """The part of the server's settings that is looked at."""

    server: _ServerPart


class _Events(BaseModel):
    """The part of an answer about events that is looked at."""

    total: int


async def examine_server(client: PrefectClient, now: datetime) -> list[Examined]:
    """A line for each thing."""
    return [
        *await _settings(client),
        await _automations(client),
        await _heartbeats(client, now),
        await _housekeeping(client),
    ]


async def examine_password(client: PrefectClient) -> Examined:
    """Whether agents in a sandbox can have the worker do what they like, since they reach the server too."""
    async with httpx.AsyncClient() as anybody:
        answer = await anybody.post(f"{str(client.api_url).rstrip('/')}/deployments/count", json={})
    if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return good("password", "the server asks for one, which no agent is told")
    found = "the server asks for none: an agent reaches it from the sandbox, and can have the worker run any command"
    return doubtful("password", found, f"start server and worker with {_BOTH_KNOW}")


async def _settings(client: PrefectClient) -> list[Examined]:
    try:
        answer = await client.request("GET", "/admin/settings")
    except PrefectHTTPStatusError:
        silent = "this server does not tell its settings"
        return [doubtful("leases", silent, f"see that it was started with {_LEASES} and {_ORDER}")]
    server = _ServerSettings.model_validate_json(answer.content).server
    return [_leases(server.concurrency.lease_storage), _order(server.events.causal_ordering)]


def _order(module: str) -> Examined:
    if module == "deployments.event_order":
        return good("event order", module)
    found = (
        f"{module}: a run that dies in its first minutes after a deployment may hold its slot for a quarter of an "
        "hour, and one that lives is crashed when the server was away for two minutes"
    )
    return doubtful("event order", found, f"start the server with {_ORDER}, where this project is installed")


def _leases(storage: str) -> Examined:
    if any(kind in storage for kind in _DURABLE):
        return good("leases", f"durable: {storage}")
    found = f"{storage}: after a restart of the server healthy runs are ended, and slots stay taken"
    return bad("leases", found, f"start the server with {_LEASES}; `sessions up` does")


async def _automations(client: PrefectClient) -> Examined:
    if missing := await missing_automations(client):
        names = ", ".join(repr(name) for name in missing)
        return bad(
            "automations", f"missing, changed or switched off: {names}", "run `sessions deploy`, or switch it on"
        )
    return good("automations", "runs that die or never begin are marked as crashed within two minutes")


async def _heartbeats(client: PrefectClient, now: datetime) -> Examined:
    runs = await client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW_NAME])),
        flow_run_filter=FlowRunFilter(start_time=FlowRunFilterStartTime(after_=now - _LOOK_BACK)),
        sort=FlowRunSort.START_TIME_DESC,
    )
    begun = next((run for run in runs if run.run_count), None)
    if begun is None:
        return good("heartbeats", "not seen yet: no run has begun in the last days; each sends its own")
    about = {"resource": {"id": [f"prefect.flow-run.{begun.id}"]}, "event": {"name": [HEARTBEAT]}}
    answer = await client.request("POST", "/events/filter", json={"filter": about, "limit": 1})
    if _Events.model_validate_json(answer.content).total:
        return good("heartbeats", f"seen from {begun.name}")
    remedy = "see that the worker's machine reaches the server's websocket /api/events/in"
    return bad("heartbeats", f"none was seen from {begun.name}, so a dead run would hold its slot", remedy)


async def _housekeeping(client: PrefectClient) -> Examined:
    try:
        await client.read_deployment_by_name(HOUSEKEEPING)
    except ObjectNotFound:
        remedy = "run `sessions deploy` where the project's prefect.yaml is"
        return doubtful("housekeeping", "not deployed: history grows, and crashed runs wait for the next run", remedy)
    return good("housekeeping", "deployed")
