"""Runs the agent."""

from collections.abc import Sequence
from pathlib import Path

from prefect import get_run_logger

from sessions.agent_work import run_agent_once
from sessions.preparation import make_task, open_agent_memory, read_prompt, sandbox_for
from sessions.repositories import starting_folder
from sessions.run_folder import RunFolder
from sessions.settings import read_settings
from sessions.workflow import lead_prompt
from sessions.workspace import Checkout
from tasks.flow_runs import utc_now
from tasks.questions import attendant_of
from tasks.step import step


@step("run-agent")
async def run_agent(run: RunFolder, repos: Sequence[Checkout], context: str) -> None:
    """Run the agent to its end, or to the limit that bites; what it says and does is on disk as it happens."""
    settings, log = read_settings(), get_run_logger()
    memory = open_agent_memory(run, settings=settings, now=utc_now)
    work = make_task(
        run,
        prompt=lead_prompt(run.record.workflow, read_prompt(run.record.spec, Path.cwd())),
        context=context,
        workspace=starting_folder(run, repos),
        settings=settings,
        session_tools=memory.tools(),
        attendant=attendant_of(run, memory, settings),
        sandbox=sandbox_for(run, repos, settings),
    )
    where = "in a sandbox" if work.sandbox else "without a sandbox"
    log.info("The agent starts: %s with %s, %s", run.record.spec.runner, work.model.id, where)
    end = await run_agent_once(run, work, settings=settings, now=utc_now)
    log.info("The agent ended: %s", end.stop)
