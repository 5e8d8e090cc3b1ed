"""The automation that frees the slot of a run whose process, worker or machine died."""

from datetime import timedelta

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

NAME = "scheduled-sessions: crash runs that fell silent"
#: Prefect takes no heartbeat shorter than this.
HEARTBEAT_SECONDS = 30
#: Three heartbeats, so that one lost event crashes no healthy run.
SILENCE_SECONDS = 90


def zombie_automation() -> AutomationCore:
    """After a run's heartbeat the next event of that run is due within 90 s; without one the run is marked crashed.

    Any event counts, since a run that ends does so under the name of its outcome (`prefect.flow-run.TimedOut`).
    Runs send heartbeats where PREFECT_FLOWS_HEARTBEAT_FREQUENCY is set, as `sessions up` does for its worker.
    """
    return AutomationCore(
        name=NAME,
        description="Marks a flow run as crashed 90 s after its last heartbeat, so that its slot is free again.",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.*"},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=SILENCE_SECONDS),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"no heartbeat for {SILENCE_SECONDS} s: its process, worker or machine died",
            )
        ],
    )


async def ensure_zombie_automation(client: PrefectClient) -> bool:
    """Create the automation where it is missing; returns whether it was."""
    if await client.read_automations_by_name(NAME):
        return False
    await client.create_automation(zombie_automation())
    return True
