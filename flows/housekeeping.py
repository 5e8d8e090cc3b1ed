"""What keeps the house in order between sessions."""

from prefect import flow
from prefect.client.schemas.objects import State, StateType

from flows.finish_run import finish_interrupted_runs
from tasks.history import keep_history


@flow(name="housekeeping", persist_result=False)
async def housekeeping() -> State[None]:
    """Finish what crashed runs left behind, and delete the history that no session keeps."""
    finished = await finish_interrupted_runs()
    deleted = await keep_history()
    message = f"{finished} interrupted runs finished, {deleted} old runs deleted"
    return State(type=StateType.COMPLETED, message=message)
