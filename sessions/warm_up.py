"""Loads what a run needs while its process waits for the slot, so that the agent starts at once when it comes."""

import os
import threading
from contextlib import closing, suppress

from sessions import memory, messages_api, runners
from sessions.errors import SessionError
from sessions.settings import read_settings


def warm_up_for_worker() -> None:
    """In a process that a worker started for one flow run, load what is slow to load; elsewhere do nothing.

    The worker starts that process up to ten seconds before the slot, and it waits after loading the flow. The
    extraction's client is loaded beside that, and needed only when the agent has ended.
    """
    if "PREFECT__FLOW_RUN_ID" not in os.environ:
        return
    # What is wrong with a setting or a file is said by the step that needs it.
    with suppress(SessionError):
        runners.preload()
        memory.preload()
        with closing(memory.open_memory(read_settings().memory_address)) as store:
            store.recall(agent="", query="warm", limit=1)
    threading.Thread(target=messages_api.preload, daemon=True).start()
