"""Builds what the agent starts with."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from prefect import get_run_logger

from sessions.preparation import build_context as build
from sessions.preparation import read_prompt
from sessions.repositories import describe_all
from sessions.run_folder import RunFolder
from sessions.settings import read_settings
from sessions.workspace import Checkout
from tasks.step import step


@step("build-context")
async def build_context(run: RunFolder, repos: Sequence[Checkout]) -> str:
    """Build the context from memory and git state, and keep it with the run."""
    settings = read_settings()
    prompt = read_prompt(run.record.spec, Path.cwd())
    git_state = await asyncio.to_thread(describe_all, repos, settings)
    context = await asyncio.to_thread(build, run.record, prompt=prompt, git_state=git_state, settings=settings)
    run.write(run.context_path, context)
    get_run_logger().info("The context has %s lines", context.count("\n"))
    return context
