"""Says which session a dispatch would start at a moment and why, and has it decide now."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from pydantic import BaseModel

from deployments.checked import load_checked
from deployments.definitions import DISPATCH_ENTRYPOINT, Definition, find_definitions
from deployments.prefect_server import said_plainly
from sessions.dispatch import Decision, decide
from sessions.dispatch_rules import DispatchParameters
from sessions.errors import SpecError
from sessions.schedule import next_times
from sessions.settings import Settings
from sessions.spec import SessionSpec
from tasks.deployed import is_suspended
from tasks.dispatching import DISPATCH_FLOW
from tasks.session_histories import histories_at

_A_MOMENT = timedelta(microseconds=1)
NO_SERVER = "no Prefect server answers: this goes by the calendar alone, without the runs of the day"


class DefinedDispatch(BaseModel, frozen=True):
    """A dispatch as it is defined, and the agents of all defined sessions, by the names of these."""

    definition: Definition
    agents: dict[str, str]


class Explanation(BaseModel, frozen=True):
    """What a dispatch would do at a moment; `notes` say what the decision does not know, or what keeps it from it.

    `agent` is whose turn it is: the agent of the session that would run; None for nobody's.
    """

    dispatch: str
    agent: str | None
    decision: Decision
    notes: list[str]


def find_defined(name: str, root: Path, settings: Settings) -> DefinedDispatch:
    """A dispatch by its name; with an empty name the only one that there is.

    Raises:
        SpecError: there is none of that name, or several and no name; or something in a definition is wrong.
    """
    defined = load_checked(find_definitions(root), root, settings)
    dispatches = [item for item in defined if item.entrypoint == DISPATCH_ENTRYPOINT]
    found = [item for item in dispatches if name in ("", item.name)]
    if len(found) != 1:
        what = "there is no such dispatch" if name else "name one dispatch"
        known = ", ".join(item.name for item in dispatches) or "none; write one with the flow of docs/dispatch.md"
        raise SpecError(f"{what}; defined in deployments/ are: {known}", field="name")
    default = SessionSpec.model_fields["agent"].default
    agents = {item.name: str(item.parameters.get("agent", default)) for item in defined if item.is_session}
    return DefinedDispatch(definition=found[0], agents=agents)


async def explain_dispatch(
    dispatch: DefinedDispatch, client: PrefectClient | None, *, at: datetime, now: datetime
) -> Explanation:
    """Judge every rule of a checked definition at a moment, by the runs of its day; by the calendar without a server.

    Raises:
        ServerError: the server refuses, or stops answering.
    """
    definition = dispatch.definition
    given = DispatchParameters.model_validate(definition.parameters)
    histories, notes = None, [NO_SERVER]
    if client:
        with said_plainly():
            histories = await histories_at(client, {rule.session for rule in given.rules}, at=at, now=now)
            notes = list(_differences(definition, await find_dispatch(client, definition.name), now))
    if client and at > now:
        notes.append("the moment is still to come: what runs until then is not known")
    decision = decide(given.rules, at, histories, sessions_per_day=given.sessions_per_day)
    agent = dispatch.agents[decision.session] if decision.session else None
    notes += _no_slot(definition, at)
    return Explanation(dispatch=definition.name, agent=agent, decision=decision, notes=notes)


def _differences(definition: Definition, deployed: DeploymentResponse | None, now: datetime) -> Iterator[str]:
    if deployed is None:
        yield f"{definition.name} is not deployed, and starts nothing; run `sessions deploy`"
        return
    if deployed.parameters != definition.parameters:
        yield "other rules are deployed than stand here; run `sessions deploy`"
    if is_suspended(deployed, now):
        yield f"{definition.name} is suspended, and starts nothing by itself; run `sessions resume {definition.name}`"


def _no_slot(definition: Definition, at: datetime) -> Sequence[str]:
    schedules = [entry.schedule for entry in definition.schedules]
    upcoming = sorted(slot for schedule in schedules for slot in next_times(schedule, at - _A_MOMENT, 1))
    if not upcoming or upcoming[0] == at:
        return []
    return [f"no slot of {definition.name} is at this moment; the next is at {upcoming[0]:%Y-%m-%d %H:%M %Z}"]


async def find_dispatch(client: PrefectClient, name: str) -> DeploymentResponse | None:
    """The deployment of a dispatch; None if the server has none of that name.

    Raises:
        ServerError: the server does not answer, or refuses.
    """
    with said_plainly(name):
        try:
            return await client.read_deployment_by_name(f"{DISPATCH_FLOW}/{name}")
        except ObjectNotFound:
            return None


async def dispatch_now(client: PrefectClient, name: str) -> FlowRun:
    """Have a dispatch decide now, also while it is suspended; its run is executed by a worker.

    Raises:
        SpecError: it is not deployed.
        ServerError: the server does not answer, or refuses.
    """
    deployment = await find_dispatch(client, name)
    if deployment is None:
        raise SpecError(f"the dispatch {name!r} is not deployed; run `sessions deploy`", field="name")
    with said_plainly(name):
        return await client.create_flow_run_from_deployment(deployment.id)
