"""Whether what is deployed is what is defined, and somebody is there to run it."""

from collections.abc import Sequence
from pathlib import Path

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import WorkerStatus
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from deployments.checked import load_all
from deployments.definitions import Definition
from deployments.examination import Examined, bad, doubtful, good
from deployments.payload import Payload, build_payloads
from deployments.prefect_schedules import are_as_before, leftover_ids, updated_schedules
from sessions.errors import SpecError
from sessions.settings import Settings
from tasks.deployed import read_sessions

#: What of a deployment comes from its definition and from the flow's code. Its version changes with every commit.
_COMPARED = (
    "description", "tags", "entrypoint", "parameters", "parameter_openapi_schema", "work_pool_name", "job_variables",
)  # fmt: skip


def read_definitions(root: Path, settings: Settings) -> tuple[Examined, list[Definition]]:
    """The definitions of a repository, if nothing is wrong with them, and a line about them."""
    try:
        definitions = load_all(root, settings)
    except SpecError as error:
        count = len(str(error).splitlines())
        found = f"{count} {'is' if count == 1 else 'are'} wrong, the first: {str(error).splitlines()[0]}"
        return bad("definitions", found, "run `sessions check`"), []
    if not definitions:
        return doubtful("definitions", f"none under {root}", "go to the repository, or write one: `sessions new`"), []
    return good("definitions", f"{len(definitions)}, nothing is wrong with them"), definitions


async def examine_sessions(client: PrefectClient, definitions: Sequence[Definition], root: Path) -> list[Examined]:
    """A line for what is stale, and one for each work pool that sessions need."""
    deployed = await read_sessions(client)
    stale = [await _stale(client, definitions, root)] if definitions else []
    pools = sorted({item.work_pool_name for item in deployed if item.work_pool_name})
    return [*stale, *[await _pool(client, pool) for pool in pools]]


async def _stale(client: PrefectClient, definitions: Sequence[Definition], root: Path) -> Examined:
    try:
        payloads = await build_payloads(definitions, root)
    except SpecError as error:
        return bad("deployed", str(error), "put the flow's file right, or go to the repository")
    faults = {payload.name: await _difference(client, payload) for payload in payloads}
    if differing := [f"{name} ({fault})" for name, fault in faults.items() if fault]:
        return bad("deployed", f"not as defined here: {', '.join(differing)}", "run `sessions deploy`")
    return good("deployed", "all definitions, as they are here")


async def _difference(client: PrefectClient, payload: Payload) -> str:
    try:
        there = await client.read_deployment_by_name(f"{payload.flow_name}/{payload.name}")
    except ObjectNotFound:
        return "not deployed"
    changed = [name for name in _COMPARED if getattr(payload, name) != getattr(there, name)]
    if not _same_schedules(payload, there):
        changed.append("schedules")
    return ", ".join(changed)


def _same_schedules(payload: Payload, there: DeploymentResponse) -> bool:
    updates = updated_schedules(payload.entries, there.schedules)
    return not leftover_ids(payload.entries, there.schedules) and are_as_before(updates, there.schedules)


async def _pool(client: PrefectClient, name: str) -> Examined:
    subject, remedy = f"pool {name}", f"start one: `prefect worker start --pool {name}`, or `sessions up`"
    try:
        pool = await client.read_work_pool(name)
    except ObjectNotFound:
        return bad(subject, "is not there", "run `sessions deploy`")
    if pool.is_paused:
        return bad(subject, "is paused: nothing starts", f"`prefect work-pool resume {name}`")
    workers = await client.read_workers_for_work_pool(name)
    online = [worker.name for worker in workers if worker.status is WorkerStatus.ONLINE]
    if not online:
        return bad(subject, "no worker is online: due runs wait, and end as missed", remedy)
    return good(subject, f"online: {', '.join(online)}")
