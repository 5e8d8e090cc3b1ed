"""Brings the repositories before the agent starts, and keeps or pushes its changes after it ended."""

import asyncio
from pathlib import Path

from prefect import get_run_logger
from prefect.runtime import flow_run

from sessions.repositories import commit_once, sync_all
from sessions.run_folder import RunFolder
from sessions.settings import read_settings
from sessions.workspace import Checkout
from tasks.flow_runs import utc_now
from tasks.one_pusher import one_pusher_at_a_time
from tasks.step import step


@step("sync-repos")
async def sync_repos(run: RunFolder) -> list[Checkout]:
    """Make the run's own copy of each repository."""
    checkouts = await asyncio.to_thread(sync_all, run, root=Path.cwd(), settings=read_settings())
    get_run_logger().info("Repositories: %s", ", ".join(item.name for item in checkouts) or "none")
    return checkouts


@step("commit-and-push")
async def commit_and_push(run: RunFolder, message: str) -> None:
    """Commit what the agent changed; push it where the session says so, keep it where not."""
    settings = read_settings()
    # One that is finished later may find the limit held by itself, from when it died.
    own = flow_run.id == run.record.run_id
    async with one_pusher_at_a_time(repo.url for repo in run.record.spec.repos if repo.auto_push and own):
        await asyncio.to_thread(commit_once, run, root=Path.cwd(), settings=settings, message=message, now=utc_now())
    for commit in run.record.commits:
        get_run_logger().info("%s", commit.sentence())
