"""Decides whether a run may start, and closes one that may not."""

from prefect import get_run_logger
from prefect.client.schemas.objects import State

from sessions.admission import Skip, missed
from sessions.outcome import Delivery
from sessions.run_folder import RunFolder, RunRecord, close_run
from tasks.flow_runs import as_state, show_ending, utc_now


def why_skip(record: RunRecord, *, automatic: bool) -> Skip | None:
    """Why this run does not start; None if it does. A run that was begun before is not asked again."""
    if record.steps:
        return None
    deadline = record.spec.starting_deadline_seconds
    return missed(slot_at=record.slot_at, now=utc_now(), deadline_seconds=deadline, automatic=automatic)


async def close_skipped(run: RunFolder, skip: Skip) -> State[None]:
    """Record why the run did not start."""
    run.record.outcome, run.record.reason = skip.outcome, skip.reason
    run.record.delivery = Delivery.NOTHING_TO_DELIVER
    close_run(run, utc_now())
    get_run_logger().warning("%s: %s", skip.outcome.state_name, skip.reason)
    await show_ending(run.record)
    return as_state(skip.outcome, skip.reason)
