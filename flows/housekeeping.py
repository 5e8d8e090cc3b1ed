"""What keeps the house in order between sessions."""

from prefect import flow
from prefect.client.schemas.objects import State, StateType

from flows.finish_run import finish_interrupted_runs
from tasks.deletions import finish_deletions
from tasks.history import keep_history
from tasks.late_runs import miss_late_runs
from tasks.one_shots import retire_one_shots
from tasks.silent_runs import crash_silent_runs
from tasks.turned_away import name_turned_away


@flow(name="housekeeping", persist_result=False)
async def housekeeping() -> State[None]:
    """Finish what crashed runs left, name what was turned away or missed, delete what is done with and old."""
    silent = await crash_silent_runs()
    finished = await finish_interrupted_runs()
    await name_turned_away()
    await miss_late_runs()
    retired = await retire_one_shots() + await finish_deletions()
    deleted = await keep_history()
    message = f"{finished} interrupted runs finished, {retired} sessions deleted after their run, "
    message += f"{deleted} old runs deleted" + (f", {silent} silent runs crashed" if silent else "")
    return State(type=StateType.COMPLETED, message=message)
