"""Turns what the agent did into memory."""

import asyncio

from prefect import get_run_logger

from sessions.learned import Learned
from sessions.learning import extract_once, remember_once
from sessions.run_folder import RunFolder
from sessions.runners.base import AgentRun
from sessions.settings import read_settings
from tasks.flow_runs import utc_now
from tasks.step import step


@step("extract-observations")
async def extract_observations(run: RunFolder, agent_run: AgentRun) -> Learned:
    """Ask the extraction model what is worth keeping, and check its answer against the transcript and the memory."""
    learned = await extract_once(run, agent_run, settings=read_settings(), now=utc_now())
    get_run_logger().info("What it learned: %s", learned.summary() or "nothing")
    return learned


@step("remember")
async def remember(run: RunFolder, learned: Learned) -> Learned:
    """Store it, all or nothing; returns what the memory took."""
    taken = await asyncio.to_thread(remember_once, run, learned, settings=read_settings(), now=utc_now())
    get_run_logger().info("Remembered" if run.record.done("remembered") else "Not remembered yet: see the report")
    return taken
