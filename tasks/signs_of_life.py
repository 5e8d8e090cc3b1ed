"""Tells the server that a run is alive, often enough for the automation that frees the slots of dead ones."""

import contextvars
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prefect import get_run_logger
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.events import RelatedResource, emit_event
from prefect.settings import get_current_settings

#: Prefect takes no heartbeat shorter than this. Its default of three minutes would make every longer run look dead.
HEARTBEAT_SECONDS = 30
HEARTBEAT = "prefect.flow-run.heartbeat"


@contextmanager
def signs_of_life() -> Iterator[None]:
    """Send the run's heartbeat while the block runs, where Prefect itself was not told to do so often enough."""
    context = FlowRunContext.get()
    own = get_current_settings().flows.heartbeat_frequency
    if context is None or context.flow_run is None or (own is not None and own <= HEARTBEAT_SECONDS):
        yield
        return
    get_run_logger().info(
        "Prefect's heartbeat is every %s s here; this run sends one every %s s", own, HEARTBEAT_SECONDS
    )
    over = threading.Event()
    # In a thread, so that it beats on while the loop is busy; with the context, which knows the server's address.
    beat = contextvars.copy_context().run
    thread = threading.Thread(
        target=beat, args=(_beat_until, over, context.flow_run, context.flow.name if context.flow else ""), daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        over.set()


def _beat_until(over: threading.Event, run: FlowRun, flow_name: str) -> None:
    flow = {"prefect.resource.id": f"prefect.flow.{run.flow_id}", "prefect.resource.role": "flow"}
    while not over.is_set():
        emit_event(
            event=HEARTBEAT,
            resource={"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.name": run.name},
            related=[RelatedResource.model_validate(flow | {"prefect.resource.name": flow_name})],
        )
        over.wait(HEARTBEAT_SECONDS)
