"""Which runs of a session are kept."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel

from sessions.outcome import Outcome

#: Runs in which no agent worked are kept by age, not by count.
KEEP_SKIPPED = timedelta(days=30)


class EndedRun(BaseModel, frozen=True):
    """A run that is over. `agent_started`: it left a transcript and a workspace, whatever ended it."""

    run_id: str
    outcome: Outcome
    ended_at: AwareDatetime
    agent_started: bool = False


Run = TypeVar("Run", bound=EndedRun)


def expired(runs: Sequence[Run], *, keep_successful: int, keep_failed: int, now: datetime) -> list[Run]:
    """The runs to delete: successful and failed ones beyond the newest so many, skipped ones beyond 30 days.

    A run whose agent was stopped, by a limit or a person, counts among the failed ones. A run for which nothing had
    changed is a skipped one: else it would push out the run that it was compared with.
    """
    newest_first = sorted(runs, key=lambda run: run.ended_at, reverse=True)
    successful = [run for run in newest_first if run.outcome is Outcome.COMPLETED]
    failed = [run for run in newest_first if _went_wrong(run)]
    skipped = [run for run in newest_first if run.outcome is not Outcome.COMPLETED and not _went_wrong(run)]
    old = [run for run in skipped if now - run.ended_at > KEEP_SKIPPED]
    return [*successful[keep_successful:], *failed[keep_failed:], *old]


def _went_wrong(run: EndedRun) -> bool:
    if run.outcome is Outcome.COMPLETED:
        return False
    return run.agent_started or run.outcome.state_type in ("FAILED", "CRASHED")
