"""Which runs of a session are kept."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel

from sessions.outcome import Outcome

#: Runs in which no agent worked are kept by age, not by count.
KEEP_SKIPPED = timedelta(days=30)


class EndedRun(BaseModel, frozen=True):
    """A run that is over."""

    run_id: str
    outcome: Outcome
    ended_at: AwareDatetime


Run = TypeVar("Run", bound=EndedRun)


def expired(runs: Sequence[Run], *, keep_successful: int, keep_failed: int, now: datetime) -> list[Run]:
    """The runs to delete: successful and failed ones beyond the newest so many, skipped ones beyond 30 days.

    A run for which nothing had changed is a skipped one: else it would push out the run that it was compared with.
    """
    newest_first = sorted(runs, key=lambda run: run.ended_at, reverse=True)
    successful = [run for run in newest_first if run.outcome is Outcome.COMPLETED]
    failed = [run for run in newest_first if run.outcome.state_type in ("FAILED", "CRASHED")]
    skipped = [run for run in newest_first if run not in successful and run not in failed]
    old = [run for run in skipped if now - run.ended_at > KEEP_SKIPPED]
    return [*successful[keep_successful:], *failed[keep_failed:], *old]
