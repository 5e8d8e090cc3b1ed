"""Prefect's state hook for a run that completed: a session that was due once may be done with."""

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State

from hooks.interrupted import ask_for_housekeeping


async def ask_to_delete(flow: Flow[..., object], flow_run: FlowRun, state: State) -> None:
    """Ask for a housekeeping run, which deletes the deployment where the session says so.

    Prefect calls it with these very argument names. Not done here: the run still holds its deployment's limit.
    """
    if flow_run.parameters.get("delete_after_run"):
        await ask_for_housekeeping(flow, flow_run, state)
