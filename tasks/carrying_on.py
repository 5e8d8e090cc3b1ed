"""Steps after which the report must follow, whatever happens in them."""

from collections.abc import Awaitable
from typing import TypeVar

from prefect import get_run_logger

from sessions.errors import SessionError
from sessions.run_folder import RunFolder
from sessions.run_record import Step

R = TypeVar("R")


async def carry_on(run: RunFolder, step: Step, work: Awaitable[R]) -> R | None:
    """What `work` gives; None if it fails, which is noted: the step stays open, and the next run tries it again.

    This is an edge: what is broken in one step must keep neither the next ones nor the report from coming.
    """
    try:
        return await work
    except SessionError as error:
        run.note(step, str(error))
    except Exception as error:  # noqa: BLE001
        get_run_logger().exception("Not %s", step)
        run.note(step, f"{type(error).__name__}; the log of the run says where")
    return None
