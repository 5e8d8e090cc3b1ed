"""Brings definitions to Prefect: the same deployments as `prefect deploy` makes, quicker; suspended ones stay so."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate, WorkPoolCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowFilter,
    FlowFilterName,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectAlreadyExists
from pydantic import BaseModel

from deployments.definitions import Definition
from deployments.payload import Payload, build_payloads
from deployments.prefect_schedules import are_as_before, leftover_ids, to_prefect, updated_schedules
from deployments.prefect_server import said_plainly
from tasks.pages import PAGE


class Applied(BaseModel, frozen=True):
    """What became of one definition. `suspended`: it has schedules and none is active, as before or as it begins."""

    name: str
    flow_name: str
    deployment_id: UUID
    created: bool
    suspended: bool
    work_pool: str
    work_pool_created: bool


async def apply_definitions(
    definitions: Sequence[Definition], client: PrefectClient, *, root: Path | None = None
) -> list[Applied]:
    """Create or update the deployments of checked definitions; a work pool that is missing becomes a process pool.

    Args:
        definitions: what to apply, as `deployments.checked` gives them.
        client: an open client of the server.
        root: the repository, from which entrypoints are named; the working directory if it is not given.

    Raises:
        SpecError: a flow cannot be loaded; nothing has been applied.
        ServerError: the server does not answer, or refuses.
    """
    payloads = await build_payloads(definitions, root or Path.cwd())
    with said_plainly():
        new_pools = await _create_missing_pools({payload.work_pool_name for payload in payloads}, client)
        there = await _read_existing(payloads, client)
        names = sorted({payload.flow_name for payload in payloads})
        flow_ids = {name: await client.create_flow_from_name(name) for name in names}

    async def apply_one(payload: Payload) -> Applied:
        existing = there.get((payload.flow_name, payload.name))
        with said_plainly(payload.name):
            if existing is None:
                return await _create(payload, flow_ids[payload.flow_name], client, new_pools)
            return await _update(payload, existing, client, new_pools)

    # One after another: a server on SQLite takes several at once no sooner, and refuses some for the others' sake.
    # Where one fails, what was applied before stays, and applying again is safe.
    return [await apply_one(payload) for payload in payloads]


async def _create(payload: Payload, flow_id: UUID, client: PrefectClient, new_pools: set[str]) -> Applied:
    schedules = [
        DeploymentScheduleCreate(
            schedule=to_prefect(entry), parameters=entry.parameters, slug=entry.slug, active=entry.active is not False
        )
        for entry in payload.entries
    ]
    deployment_id = await client.create_deployment(
        flow_id=flow_id, name=payload.name, schedules=schedules, **payload.shared_fields
    )
    return _applied(payload, deployment_id, new_pools, created=True, suspended=_begins_suspended(payload))


def _begins_suspended(payload: Payload) -> bool:
    return bool(payload.entries) and all(entry.active is False for entry in payload.entries)


async def _update(
    payload: Payload, existing: DeploymentResponse, client: PrefectClient, new_pools: set[str]
) -> Applied:
    for schedule_id in leftover_ids(payload.entries, existing.schedules):
        await client.delete_deployment_schedule(existing.id, schedule_id)
    schedules = updated_schedules(payload.entries, existing.schedules)
    # `paused` stays out: a deployment that was paused in the UI stays paused.
    update = DeploymentUpdate(**payload.shared_fields)
    if schedules and not are_as_before(schedules, existing.schedules):
        update.schedules = schedules
    await client.update_deployment(existing.id, update)
    suspended = existing.paused or (bool(schedules) and all(schedule.active is False for schedule in schedules))
    return _applied(payload, existing.id, new_pools, created=False, suspended=suspended)


def _applied(payload: Payload, deployment_id: UUID, new_pools: set[str], *, created: bool, suspended: bool) -> Applied:
    return Applied(
        name=payload.name,
        flow_name=payload.flow_name,
        deployment_id=deployment_id,
        created=created,
        suspended=suspended,
        work_pool=payload.work_pool_name,
        work_pool_created=payload.work_pool_name in new_pools,
    )


async def _create_missing_pools(wanted: set[str], client: PrefectClient) -> set[str]:
    """Create what is missing of the work pools; returns the names of those."""
    found = await client.read_work_pools(work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=sorted(wanted))))
    missing = wanted - {pool.name for pool in found}
    if missing:
        from prefect.workers.process import ProcessWorker  # noqa: PLC0415 - slow to import, and seldom needed

        template = ProcessWorker.get_default_base_job_template()
        for name in sorted(missing):
            # A worker that starts at this moment creates it too.
            with suppress(ObjectAlreadyExists):
                await client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=template))
    return missing


async def _read_existing(
    payloads: Sequence[Payload], client: PrefectClient
) -> dict[tuple[str, str], DeploymentResponse]:
    """The deployments that are there already, by the names of flow and deployment."""
    found: dict[tuple[str, str], DeploymentResponse] = {}
    for flow_name in {payload.flow_name for payload in payloads}:
        names = [payload.name for payload in payloads if payload.flow_name == flow_name]
        for begin in range(0, len(names), PAGE):
            page = await client.read_deployments(
                flow_filter=FlowFilter(name=FlowFilterName(any_=[flow_name])),
                deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=names[begin : begin + PAGE])),
                limit=PAGE,
            )
            found |= {(flow_name, deployment.name): deployment for deployment in page}
    return found
