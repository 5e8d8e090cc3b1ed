"""Prefect's state hook for a run that failed: its session's schedule waits from this moment on."""

from contextlib import suppress

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State

from sessions.errors import SessionError
from sessions.run_folder import read_record, runs_folder
from sessions.settings import read_settings
from tasks.after_errors import park_what_comes_too_soon


async def wait_with_the_next(flow: Flow[..., object], flow_run: FlowRun, state: State) -> None:  # noqa: ARG001
    """End the scheduled runs that come too soon after this error, and make one attempt at the end of the wait.

    Prefect calls it with these very argument names when the run has ended, which is when the wait begins. A run that
    failed before it had a record has nothing to say how long to wait; the next automatic run looks for itself.
    """
    # What is wrong with settings or files is what the run failed of, and its state says so.
    with suppress(SessionError):
        folder = runs_folder(read_settings().home) / str(flow_run.id)
        if (folder / "run.json").exists():
            await park_what_comes_too_soon(read_record(folder))
