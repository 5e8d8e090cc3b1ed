"""What follows the agent, in order. Each step is done once, whoever goes on with the run."""

import asyncio

from prefect import get_run_logger
from prefect.client.schemas.objects import State, StateType

from sessions.agent_work import agent_run_of, conclude, end_interrupted, give_up
from sessions.errors import SessionError
from sessions.learned import Learned
from sessions.process_tree import end_processes
from sessions.report import SessionReport
from sessions.reporting import commit_message, write_report
from sessions.run_folder import (
    MOST_ATTEMPTS,
    RunFolder,
    close_if_done,
    hold_interrupted,
    unfinished_runs,
)
from sessions.runners.base import AgentRun
from sessions.settings import read_settings
from tasks.after_errors import park_what_comes_too_soon
from tasks.artifacts import publish_artifacts
from tasks.carrying_on import carry_on
from tasks.delivery import deliver
from tasks.flow_runs import correct_state, read_state, show_ending, state_of, utc_now
from tasks.learning import extract_observations, remember
from tasks.one_shots import switch_off_what_was_due_once
from tasks.repositories import commit_and_push
from tasks.settling import settle_closed_runs
from tasks.telling_once import tell_once


async def finish_run(run: RunFolder, *, stopped: bool = False) -> State[None]:
    """Learn from the run, keep its changes, report, deliver, and end it with its outcome.

    Args:
        run: a run whose agent ended, however it did.
        stopped: somebody cancelled it.
    """
    settings = read_settings()
    run.count_attempt()
    agent_run = agent_run_of(run, settings)
    conclude(run, agent_run, stopped_by_request=stopped)
    await carry_on(run, "delivered", tell_once(run, agent_run))
    learned = await carry_on(run, "extracted", extract_observations(run, agent_run)) or Learned()
    learned = await carry_on(run, "remembered", remember(run, learned)) or learned
    await carry_on(run, "committed", commit_and_push(run, commit_message(run.record, learned)))
    report = write_report(run, agent_run, learned, settings=settings, now=utc_now())
    await carry_on(run, "delivered", deliver(run, report))
    report = write_report(run, agent_run, learned, settings=settings, now=utc_now())
    await carry_on(run, "published", publish(run, report, agent_run))
    close_if_done(run, utc_now())
    await carry_on(run, "closed", show_ending(run.record))
    return state_of(run.record)


async def publish(run: RunFolder, report: SessionReport, agent_run: AgentRun) -> None:
    """Show the run in Prefect, and switch its schedule off if that was due once."""
    await publish_artifacts(run, report, agent_run)
    if not run.record.done("published"):
        await switch_off_what_was_due_once(run.record)
        run.mark("published", utc_now())


async def finish_interrupted_runs(*, agent: str = "", session: str = "") -> int:
    """Finish the runs that a crash left behind, those of one agent and one session or all; returns how many.

    A run is interrupted if its record is not closed and nobody holds it: the lock on it ends with its process.
    """
    count = 0
    for path in unfinished_runs(read_settings().home):
        try:
            with hold_interrupted(path, agent=agent, session=session) as run:
                if run:
                    await _finish_interrupted(run)
                    count += 1
        except SessionError as error:
            get_run_logger().warning("The run in %s was left as it is and is tried again: %s", path, error)
        # The edge: whatever keeps another run from being finished must not keep this one from running.
        except Exception:  # noqa: BLE001
            get_run_logger().exception("The run in %s was left as it is; it is tried again", path)
    await settle_closed_runs()
    return count


async def _finish_interrupted(run: RunFolder) -> None:
    if run.record.attempts >= MOST_ATTEMPTS:
        give_up(run, utc_now())
        return
    state = await read_state(run.record.run_id)
    await leave_interrupted(run)
    await finish_run(run, stopped=state is not None and state.type in (StateType.CANCELLED, StateType.CANCELLING))
    await correct_state(run.record)
    await park_what_comes_too_soon(run.record)


async def leave_interrupted(run: RunFolder) -> None:
    """End what the run's dead process left running, and take what its agent did as all there is."""
    await asyncio.to_thread(end_processes, run.record.run_id)
    end_interrupted(run, utc_now())
