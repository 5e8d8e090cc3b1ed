"""Everything a run needs, looked at before a token is spent."""

import asyncio
import os
from pathlib import Path
from typing import cast

from prefect import get_run_logger

from sessions.preflight import examine_spec, gather_faults
from sessions.repositories import require_pushes
from sessions.run_folder import RunFolder
from sessions.settings import read_settings
from sessions.workspace import Checkout
from tasks.repositories import sync_repos
from tasks.step import step
from tasks.workflow import bring_workflow


async def prepare(run: RunFolder) -> list[Checkout]:
    """The run's repositories and workflow, with everything else that it needs looked at meanwhile.

    Raises:
        SessionError: something is missing or wrong; the sentence says all of it.
    """
    workflow = [bring_workflow(run)] if run.record.spec.workflow.git_url else []
    repos, *_ = await gather_faults(sync_repos(run), preflight(run), *workflow)
    checkouts = cast("list[Checkout]", repos)
    await asyncio.to_thread(require_pushes, checkouts, read_settings())
    return checkouts


@step("preflight")
async def preflight(run: RunFolder) -> None:
    """Look at the prompt, the model, its key and the delivery targets."""
    found = await examine_spec(run.record.spec, settings=read_settings(), root=Path.cwd(), environment=os.environ)
    for doubt in found.doubts:
        get_run_logger().warning("%s", doubt)
    found.require()
