"""`python -m deployments.server_process server start …`: the `prefect` command, safe to run on SQLite.

Python's garbage collector runs in whichever thread happens to allocate. In Prefect's server that is nearly always the
thread of the event loop, and what it finds may be a cursor of a connection whose own thread waits for SQLite's write
lock. Taking the cursor apart needs that connection, so the loop waits too: for the lock, which a request holds that
only the loop can finish. The server stands still until SQLite gives up after 60 s (Prefect's `PRAGMA busy_timeout`).
ADR 0018 says what of this was seen.
"""

import gc
import importlib
import runpy
import threading

from sessions.zone_names import remember_zone_names

#: Seconds between two looks at the young objects.
YOUNG_SECONDS = 1.0
#: Every so many looks go through all objects, which holds the interpreter longer.
FULL_EVERY = 30

_YOUNG, _ALL = 1, 2


def collect_in_a_thread(young_seconds: float = YOUNG_SECONDS, full_every: int = FULL_EVERY) -> threading.Event:
    """Collect garbage in a thread of its own from now on, and in no other. Returns what ends that thread when set.

    Args:
        young_seconds: the wait between two collections.
        full_every: which collections go through everything: every `full_every`-th.
    """
    gc.disable()
    ended = threading.Event()

    def collect() -> None:
        count = 0
        while not ended.wait(young_seconds):
            count += 1
            gc.collect(_ALL if count % full_every == 0 else _YOUNG)

    threading.Thread(target=collect, name="garbage-collector", daemon=True).start()
    return ended


if __name__ == "__main__":
    collect_in_a_thread()
    remember_zone_names()
    # Before the server looks at its automations for the first time; its setting loads the same some moments later.
    importlib.import_module("deployments.event_order")
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)
