"""The automations that free the slot of a run whose process, worker or machine died."""

from datetime import timedelta

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

from tasks.deployed import FLOW_NAME
from tasks.dispatching import DISPATCH_FLOW
from tasks.signs_of_life import HEARTBEAT

NAME = "scheduled-sessions: crash runs that fell silent"
UNBEGUN_NAME = "scheduled-sessions: crash runs that never began"
#: Three heartbeats, so that one lost event crashes no healthy run.
SILENCE_SECONDS = 90
#: A worker takes a run ten seconds before its slot, and its process needs a few seconds to begin.
UNBEGUN_SECONDS = 100
_RUNNING = "prefect.flow-run.Running"
#: What a run is called from the moment at which a worker takes it, one after the other.
_TAKEN = {"prefect.flow-run.Pending", "prefect.flow-run.Submitting", "prefect.flow-run.InfrastructurePending"}
#: Other flows on the same server are none of our business: Prefect's own heartbeat is every three minutes.
OUR_FLOWS = [FLOW_NAME, DISPATCH_FLOW, "housekeeping"]


def zombie_automation(silence_seconds: int = SILENCE_SECONDS) -> AutomationCore:
    """After a run's start and each heartbeat the next event of it is due within 90 s, or the run is marked crashed.

    A process may die before its first heartbeat. Any event counts, since a run that ends does so under the name of its
    outcome (`prefect.flow-run.TimedOut`).
    """
    return _silence(NAME, {_RUNNING, HEARTBEAT}, silence_seconds, f"no heartbeat for {silence_seconds} s")


def unbegun_automation(silence_seconds: int = UNBEGUN_SECONDS) -> AutomationCore:
    """A run that a worker has taken begins soon; one of which nothing is heard is marked crashed.

    Its process never sent a heartbeat that could be missed. Infrastructure that takes longer to start says so by an
    event, which counts as a sign of life.
    """
    return _silence(UNBEGUN_NAME, _TAKEN, silence_seconds, "taken by a worker, and never begun")


def _silence(name: str, after: set[str], seconds: int, what: str) -> AutomationCore:
    return AutomationCore(
        name=name,
        description=f"Marks a session's run as crashed after {seconds} s of silence, so that its slot is free again.",
        trigger=EventTrigger(
            after=after,
            expect={"prefect.flow-run.*"},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            match_related=ResourceSpecification(
                {"prefect.resource.role": ["flow"], "prefect.resource.name": OUR_FLOWS}
            ),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=seconds),
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message=f"{what}: its process, worker or machine died")],
    )


async def ensure_automations(client: PrefectClient) -> None:
    """Create the automations where they are missing, and put right those that are not as they should be.

    One that somebody switched off stays so; `sessions doctor` tells of it.
    """
    for wanted in (zombie_automation(), unbegun_automation()):
        found = await client.read_automations_by_name(wanted.name)
        if not found:
            await client.create_automation(wanted)
        elif found[0].enabled and not is_as_wanted(found[0], wanted):
            await client.update_automation(found[0].id, wanted)


async def missing_automations(client: PrefectClient) -> list[str]:
    """The names of those that are not there, switched off, or not as they should be."""
    missing = []
    for wanted in (zombie_automation(), unbegun_automation()):
        found = await client.read_automations_by_name(wanted.name)
        if not found or not is_as_wanted(found[0], wanted):
            missing.append(wanted.name)
    return missing


def is_as_wanted(found: Automation, wanted: AutomationCore) -> bool:
    """Whether an automation on the server does what the wanted one says."""
    trigger, other = found.trigger, wanted.trigger
    if not isinstance(trigger, EventTrigger) or not isinstance(other, EventTrigger):
        return False
    fields = {"after", "expect", "match", "match_related", "for_each", "posture", "threshold", "within"}
    return found.enabled and trigger.model_dump(include=fields) == other.model_dump(include=fields)
