"""Makes an agent forget, so that nothing of it comes back."""

from datetime import datetime

from sessions.errors import RunFolderError
from sessions.memory import open_memory
from sessions.memory.base import Forgotten
from sessions.run_folder import close_run, hold_interrupted, read_record, unfinished_runs
from sessions.settings import Settings


def forget_agent(agent: str, settings: Settings, now: datetime) -> Forgotten:
    """Remove all that `agent` knows. What its interrupted runs left is not learned any more.

    Args:
        agent: its name.
        settings: where the memory and the runs are.
        now: when those runs were closed.

    Raises:
        RunFolderError: a run of the agent is at work, or is being finished; nothing was forgotten.
        MemoryStoreError: the memory cannot be opened or written.
    """
    for path in unfinished_runs(settings.home):
        with hold_interrupted(path, agent=agent) as run:
            if run:
                close_run(run, now)
    if at_work := [path.name for path in unfinished_runs(settings.home) if read_record(path).spec.agent == agent]:
        raise RunFolderError(
            f"run {at_work[0]} of agent {agent!r} is at work or being finished; try again when it ended"
        )
    with open_memory(settings.memory_address) as memory:
        return memory.forget(agent=agent)
