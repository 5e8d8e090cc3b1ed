"""How long a session's schedule waits after errors in a row, told by the run history alone."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sessions.ledger import RunRow
from sessions.outcome import Outcome
from sessions.retention import EndedRun


def consecutive_errors(outcomes: Iterable[Outcome]) -> int:
    """How many of the ended runs are errors in a row, newest first.

    A success ends the row. Skips, misses and stops neither count nor end it, since no agent showed that it works.
    """
    streak = 0
    for outcome in outcomes:
        if outcome.state_type == "COMPLETED":
            break
        streak += outcome.is_error
    return streak


def newest_first(ended: Iterable[EndedRun]) -> list[EndedRun]:
    """Ended runs, each once, in the order in which the rules look at them."""
    by_id = {run.run_id: run for run in ended}
    return sorted(by_id.values(), key=lambda run: run.ended_at, reverse=True)


def ended_rows(rows: Iterable[RunRow]) -> list[EndedRun]:
    """What is over of some rows, as the rules take it: a run that retention deleted counts as long as its line stays.

    Else a session that keeps three failed runs would never wait longer than after three errors.
    """
    ended = ((row, row.ended_at or row.slot_at) for row in rows if row.id)
    return [EndedRun(run_id=row.id, outcome=row.outcome, ended_at=at) for row, at in ended if row.outcome and at]


def newest_error(ended: Sequence[EndedRun]) -> EndedRun | None:
    """The last error that no success followed; `ended` is newest first."""
    if not consecutive_errors(run.outcome for run in ended):
        return None
    return next(run for run in ended if run.outcome.is_error)


def waits_until(ended: Sequence[EndedRun], delays: Sequence[int]) -> datetime | None:
    """Until when no schedule starts the session again; None if it need not wait.

    Args:
        ended: the newest ended runs, newest first; as many as there are delays are enough, skipped ones left out.
        delays: seconds after one error, after two in a row, and so on; the last holds for all further ones.
    """
    error = newest_error(ended)
    if error is None or not delays:
        return None
    streak = consecutive_errors(run.outcome for run in ended)
    return error.ended_at + timedelta(seconds=delays[min(streak, len(delays)) - 1])


def next_attempt(natural_slot: datetime, until: datetime | None) -> datetime:
    """When the session is started next: at its natural slot, or at the end of the wait where that is later."""
    return natural_slot if until is None else max(natural_slot, until)
