"""Deletes a session: schedules and coming runs at once, its history in the background, its memory when asked."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from pydantic import BaseModel

from deployments.deployed import all_sessions, count_ended, find_deployed, unknown_session
from deployments.ending_runs import cancel_runs, retire, wait_until_over
from deployments.prefect_server import said_plainly
from deployments.rewriting import without_item
from deployments.standing import Standing, all_standing, find_standing, parameter_values
from hooks.interrupted import HOUSEKEEPING
from sessions.errors import ServerError, SpecError
from sessions.forgetting import forget_agent
from sessions.memory.base import Forgotten
from sessions.settings import Settings
from sessions.spec import SessionSpec
from tasks.deletions import runs_at_work

CANCELLED = "its session was deleted"
CLEANED = "housekeeping removes its history in the background"
NO_HOUSEKEEPING = "no housekeeping is deployed, so its history stays until one is: run `sessions deploy`"


class Deletion(BaseModel, frozen=True, extra="forbid"):
    """How to delete a session.

    Attributes:
        running: what becomes of its runs that are at work.
        forget_memory: its agent forgets all that it knows.
        with_definition: its definition goes too; a prompt file stays.
    """

    running: Literal["cancel", "leave"] = "cancel"
    forget_memory: bool = False
    with_definition: bool = False


class DeletionPlan(BaseModel, frozen=True):
    """What a deletion is about. `agents` are the session's, `shared_with` the other sessions that have one of them."""

    name: str
    deployed: bool
    schedules: int
    at_work: list[str]
    history: int
    agents: list[str]
    shared_with: list[str]
    definition: Path | None


class Deleted(BaseModel, frozen=True):
    """What was deleted. `cancelled` and `left` are runs that were at work; `note` says what is still to come."""

    name: str
    cancelled: list[str] = []
    left: list[str] = []
    history: int = 0
    forgotten: Forgotten | None = None
    definition: Path | None = None
    definition_removed: bool = False
    note: str = ""


async def plan_deletion(client: PrefectClient, name: str, root: Path) -> DeletionPlan:
    """What deleting a session would be about; changes nothing.

    Raises:
        SpecError: there is no such session, neither on the server nor in `deployments/` of `root`.
    """
    deployment = await find_deployed(client, name, deleted_too=True)
    standing = find_standing(name, root)
    if deployment is None and standing is None:
        raise await unknown_session(client, name)
    agents = sorted({*_agents_of(deployment), *(_agents_in(standing) if standing else ())})
    others = {item.name: item for item in await all_sessions(client) if item.name != name}
    sharing = {other for other, item in others.items() if {*_agents_of(item)} & {*agents}}
    defined = (other for other in all_standing(root) if other.raw.get("name") != name)
    sharing |= {str(other.raw.get("name")) for other in defined if {*_agents_in(other)} & {*agents}}
    return DeletionPlan(
        name=name,
        deployed=deployment is not None,
        schedules=len(deployment.schedules) if deployment else 0,
        at_work=[run.name for run in await runs_at_work(client, deployment.id)] if deployment else [],
        history=await count_ended(client, deployment.id) if deployment else 0,
        agents=agents,
        shared_with=sorted(sharing),
        definition=standing.file if standing else None,
    )


def _agents_of(deployment: DeploymentResponse | None) -> Iterator[str]:
    if deployment:
        default = SessionSpec.model_fields["agent"].default
        yield str(deployment.parameters.get("agent", default))
        yield from (str(item.parameters["agent"]) for item in deployment.schedules if "agent" in item.parameters)


def _agents_in(standing: Standing) -> Iterator[str]:
    if "agent" not in standing.raw_parameters:
        yield str(SessionSpec.model_fields["agent"].default)
    yield from map(str, parameter_values(standing.raw, "agent"))


async def delete_session(
    client: PrefectClient, name: str, how: Deletion, *, settings: Settings, root: Path, now: datetime
) -> Deleted:
    """Delete a session. Nothing of it starts from the first moment on; what it left is removed by housekeeping.

    Its deployment goes at once, or where a run goes on, when that is over; until then nobody is shown it.

    Raises:
        SpecError: there is no such session, or it cannot be deleted in this way; nothing has changed.
        ServerError: the server refuses; or its memory was to be forgotten and a run of it does not end.
        MemoryStoreError: the memory cannot be written.
    """
    plan = await plan_deletion(client, name, root)
    require_possible(plan, how)
    deleted = Deleted(name=name, definition=plan.definition)
    with said_plainly(name):
        if deployment := await find_deployed(client, name, deleted_too=True):
            deleted = await _delete_deployed(client, deployment, plan, how, settings, now)
        elif how.forget_memory:
            deleted = deleted.model_copy(update={"forgotten": _forget(plan, [], settings, now)})
    if how.with_definition and (standing := find_standing(name, root)):
        _remove_definition(standing)
        deleted = deleted.model_copy(update={"definition_removed": True})
    return deleted


def require_possible(plan: DeletionPlan, how: Deletion) -> None:
    """Refuse a deletion that cannot be, before anybody is asked and anything changes.

    Raises:
        SpecError: the definition is not at hand, or the memory cannot be forgotten.
    """
    if how.with_definition and plan.definition is None:
        raise SpecError(f"there is no definition of {plan.name} in deployments/ here", field="with_definition")
    if not plan.deployed and not how.with_definition:
        raise SpecError(
            f"{plan.name} is not deployed; to remove its definition {plan.definition}, ask for that too", field="name"
        )
    if how.forget_memory and plan.shared_with:
        raise SpecError(
            f"agent {', '.join(plan.agents)} is also that of {', '.join(plan.shared_with)}, which would forget too; "
            "delete those first, or keep the memory",
            field="forget_memory",
        )
    if how.forget_memory and how.running == "leave" and plan.at_work:
        raise SpecError(
            f"{plan.at_work[0]} is at work and would remember again; cancel it, or keep the memory",
            field="forget_memory",
        )


async def _delete_deployed(
    client: PrefectClient,
    deployment: DeploymentResponse,
    plan: DeletionPlan,
    how: Deletion,
    settings: Settings,
    now: datetime,
) -> Deleted:
    await retire(client, deployment)
    left = at_work = await runs_at_work(client, deployment.id)
    if how.running == "cancel":
        await cancel_runs(client, at_work, CANCELLED)
        left = await wait_until_over(client, deployment.id)
    forgotten = _forget(plan, left, settings, now) if how.forget_memory else None
    if not left:
        await client.delete_deployment(deployment.id)
    return Deleted(
        name=plan.name,
        cancelled=[run.name for run in at_work if how.running == "cancel"],
        left=[run.name for run in left],
        history=plan.history,
        forgotten=forgotten,
        definition=plan.definition,
        note=CLEANED if await _ask_for_cleaning(client, deployment) else NO_HOUSEKEEPING,
    )


def _forget(plan: DeletionPlan, left: Sequence[FlowRun], settings: Settings, now: datetime) -> Forgotten:
    if left:
        raise ServerError(
            f"{left[0].name} ({left[0].id}) did not end, so the memory was not forgotten; the session starts no more: "
            "delete it again when the run is over, and see that its worker is online"
        )
    parts = [forget_agent(agent, settings, now) for agent in plan.agents]
    return Forgotten(
        observations=sum(part.observations for part in parts),
        entries=sum(part.entries for part in parts),
        changes=sum(part.changes for part in parts),
    )


async def _ask_for_cleaning(client: PrefectClient, deployment: DeploymentResponse) -> bool:
    """Have housekeeping run once more, beside its schedule; returns whether there is one."""
    try:
        housekeeping = await client.read_deployment_by_name(HOUSEKEEPING)
    except ObjectNotFound:
        return False
    await client.create_flow_run_from_deployment(housekeeping.id, idempotency_key=f"deleted-{deployment.id}")
    return True


def _remove_definition(standing: Standing) -> None:
    try:
        if len(standing.listed) == 1:
            standing.file.unlink()
        else:
            text = without_item(standing.text, "deployments", standing.position, standing.file)
            standing.file.write_bytes(text.encode())
    except OSError as error:
        raise SpecError(f"{standing.file} cannot be removed: {error.strerror}", field="with_definition") from error
