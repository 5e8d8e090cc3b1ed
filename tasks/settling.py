"""Sees that the server says of each closed run what its record says, also where a process died between the two."""

import httpx
from prefect import get_run_logger

from sessions.errors import RunFolderError
from sessions.run_folder import RunFolder
from sessions.settings import read_settings
from sessions.settled import hold_unsettled, settle, unsettled_runs
from tasks.flow_runs import correct_state, utc_now


async def settle_closed_runs() -> None:
    """Give each closed run the state of its outcome where the server has it in another."""
    for path in unsettled_runs(read_settings().home):
        try:
            with hold_unsettled(path, utc_now()) as run:
                if run:
                    await _settle(run)
        # The server refuses an ending where the deployment was deleted under a run; it is asked again another time.
        except (RunFolderError, httpx.HTTPError) as error:
            get_run_logger().warning("The run in %s is not settled yet: %s", path, error)


async def _settle(run: RunFolder) -> None:
    await correct_state(run.record)
    settle(run, utc_now())
