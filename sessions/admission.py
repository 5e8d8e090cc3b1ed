"""Whether a run may start at all, decided before a token is spent."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel

from sessions.backoff import consecutive_errors, newest_error, waits_until
from sessions.outcome import Outcome
from sessions.retention import EndedRun


class Skip(BaseModel, frozen=True):
    """Why a run does not start: its outcome, and the reason in a sentence."""

    outcome: Outcome
    reason: str


def missed(*, slot_at: datetime, now: datetime, deadline_seconds: int, automatic: bool) -> Skip | None:
    """A Skip if the slot is longer ago than its starting deadline.

    Only runs that a schedule made have a slot to miss: what a person asked for runs however late. A deadline of 0
    is none.
    """
    late = now - slot_at
    if not automatic or not deadline_seconds or late <= timedelta(seconds=deadline_seconds):
        return None
    return Skip(
        outcome=Outcome.MISSED,
        reason=f"would have started {_words(late)} after its slot, and the starting deadline is "
        f"{_words(timedelta(seconds=deadline_seconds))}: the server or the worker was down or busy",
    )


def backing_off(*, slot_at: datetime, ended: Sequence[EndedRun], delays: Sequence[int]) -> Skip | None:
    """A Skip if the slot comes too soon after errors in a row; the attempt at the end of the wait is another run.

    Args:
        slot_at: when the schedule was due.
        ended: the newest ended runs, newest first, as `waits_until` takes them.
        delays: the session's `backoff_seconds`.
    """
    until = waits_until(ended, delays)
    if until is None or slot_at >= until:
        return None
    return Skip(outcome=Outcome.BACKING_OFF, reason=wait_sentence(ended, until.astimezone(slot_at.tzinfo)))


def wait_sentence(ended: Sequence[EndedRun], until: datetime) -> str:
    """Why a session waits, as the reason of a run that is not started; `ended` is newest first."""
    errors, last = consecutive_errors(run.outcome for run in ended), newest_error(ended)
    count = "1 error" if errors == 1 else f"{errors} errors in a row"
    span = f" {_words(until - last.ended_at)}" if last else ""
    return f"waits{span} after {count}: the next attempt is at {until:%Y-%m-%d %H:%M:%S %Z}"


def suspended() -> Skip:
    """The Skip of a run that nobody asked for and whose session was suspended since it was made: nothing new starts."""
    return Skip(outcome=Outcome.STOPPED, reason="the session was suspended before this run began")


def overlapping(holder: str) -> Skip:
    """The Skip of a run whose session is at work already; `holder` says which run does it."""
    return Skip(
        outcome=Outcome.SKIPPED_OVERLAP,
        reason=f"another run of this session is still at work on this machine: {holder}",
    )


def _words(span: timedelta) -> str:
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" * bool(hours), f"{minutes} min" * bool(minutes), f"{seconds} s" * bool(seconds)]
    return " ".join(part for part in parts if part) or "0 s"
