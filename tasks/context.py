"""Builds what the agent starts with."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from prefect import get_run_logger

from sessions.preparation import read_maintenance, read_prompt
from sessions.repositories import git_states
from sessions.run_context import build_context as build
from sessions.run_folder import RunFolder
from sessions.settings import read_settings
from sessions.workflow import lead_context
from sessions.workspace import Checkout
from tasks.step import step


@step("build-context")
async def build_context(run: RunFolder, repos: Sequence[Checkout]) -> str:
    """Build the context from memory and git state, and keep it with the run."""
    settings = read_settings()
    prompt = read_prompt(run.record.spec, Path.cwd())
    maintenance = read_maintenance(run.record.spec, Path.cwd())
    git = await asyncio.to_thread(git_states, repos, settings)
    context = await asyncio.to_thread(
        build, run.record, prompt=prompt, git=git, maintenance=maintenance, settings=settings
    )
    run.write(run.manifest_path, context.manifest.model_dump_json(indent=1))
    text = lead_context(run.record.workflow, context.text)
    run.write(run.context_path, text)
    left_out = sum(bool(each.left_out) for each in context.manifest.candidates)
    get_run_logger().info("The context has %s lines; %s things were left out", context.manifest.lines, left_out)
    return text
