"""Brings the workflow of a run."""

import asyncio
from pathlib import Path

from prefect import get_run_logger

from sessions.run_folder import RunFolder
from sessions.settings import read_settings
from sessions.workflow import read_workflow
from tasks.step import step


@step("read-workflow")
async def bring_workflow(run: RunFolder) -> None:
    """Read the run's workflow from its repository, and keep with the run what was read."""
    folder = run.record.spec.workflow
    run.record.workflow = await asyncio.to_thread(read_workflow, folder, root=Path.cwd(), settings=read_settings())
    run.save()
    if found := run.record.workflow:
        get_run_logger().info("Workflow %s, from %s", found.name, found.source)
        for note in found.notes:
            get_run_logger().warning("%s", note)
