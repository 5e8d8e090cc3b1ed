"""Decides whether a run may start, and closes one that may not."""

from prefect import get_run_logger
from prefect.client.schemas.objects import State

from sessions.admission import Skip, missed, suspended
from sessions.day_budget import admit
from sessions.outcome import Delivery, Outcome
from sessions.run_folder import RunFolder, close_run
from sessions.run_record import RunRecord
from sessions.settings import read_settings
from tasks.after_errors import wait_after_errors
from tasks.flow_runs import Start, as_state, show_ending, utc_now
from tasks.late_runs import miss_late_runs
from tasks.one_shots import switch_off_what_was_due_once


async def why_skip(run: RunFolder, start: Start) -> Skip | None:
    """Why a run does not start; None if it does, which then counts. One that was begun before is not asked again."""
    if run.record.steps:
        return None
    return await _why_not_now(run.record, start) or admit(run, read_settings())


async def _why_not_now(record: RunRecord, start: Start) -> Skip | None:
    """Why an automatic run does not start; what a person asks for does, whenever it is."""
    if not start.automatic:
        return None
    deadline = record.spec.starting_deadline_seconds
    late = missed(slot_at=record.slot_at, now=record.opened_at, deadline_seconds=deadline, automatic=start.automatic)
    return late or (suspended() if start.suspended else await wait_after_errors(record))


async def close_skipped(run: RunFolder, skip: Skip) -> State[None]:
    """Record why the run did not start."""
    run.record.outcome, run.record.reason = skip.outcome, skip.reason
    run.record.delivery = Delivery.NOTHING_TO_DELIVER
    close_run(run, utc_now())
    log = get_run_logger()
    (log.info if skip.outcome is Outcome.NO_CHANGE else log.warning)("%s: %s", skip.outcome.state_name, skip.reason)
    await show_ending(run.record)
    await switch_off_what_was_due_once(run.record)
    if skip.outcome is Outcome.MISSED:
        # What kept this one waiting kept others too.
        await miss_late_runs()
    return as_state(skip.outcome, skip.reason)


def say_that_it_waits() -> None:
    """Log why nothing happens: the same run is being worked on by another process, such as a pod that was replaced."""
    get_run_logger().warning("Another process is at work on this very run; this one waits for its end")
