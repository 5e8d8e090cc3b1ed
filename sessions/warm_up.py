"""Imports what a run needs while its process waits for the slot, so that the agent starts at once when it comes."""

import os
import threading


def warm_up_for_worker() -> None:
    """In a process that a worker started for one flow run, load what is slow to load; elsewhere do nothing.

    The worker starts that process up to ten seconds before the slot, and it waits after loading the flow. The
    extraction's client is loaded last and beside the agent's work, which does not need it.
    """
    if "PREFECT__FLOW_RUN_ID" not in os.environ:
        return
    _load_for_the_agent()
    threading.Thread(target=_load_for_the_extraction, daemon=True).start()


def _load_for_the_agent() -> None:
    from sessions import memory, runners  # noqa: PLC0415

    runners.preload()
    memory.preload()


def _load_for_the_extraction() -> None:
    import anthropic  # noqa: F401, PLC0415
