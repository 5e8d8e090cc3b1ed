"""Which runs of a session are kept."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel

from sessions.outcome import Outcome

#: Runs in which no agent worked are kept by age, not by count.
KEEP_SKIPPED = timedelta(days=30)


class EndedRun(BaseModel, frozen=True):
    """A run that is over.

    Attributes:
        agent_started: it left a transcript and a workspace, whatever ended it.
        schedule: which one of several it counts with; empty where there is one, and for what belongs to none.
    """

    run_id: str
    outcome: Outcome
    ended_at: AwareDatetime
    agent_started: bool = False
    schedule: str = ""


Run = TypeVar("Run", bound=EndedRun)


def expired(runs: Sequence[Run], *, keep_successful: int, keep_failed: int, now: datetime) -> list[Run]:
    """The runs to delete: successful and failed ones of each schedule beyond the newest so many, skipped ones by age.

    A run whose agent was stopped, by a limit or a person, counts among the failed ones. A run for which nothing had
    changed is a skipped one: else it would push out the run that it was compared with.
    """
    of_schedule: defaultdict[str, list[Run]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.ended_at, reverse=True):
        of_schedule[run.schedule].append(run)
    return [
        run
        for newest_first in of_schedule.values()
        for run in _beyond(newest_first, keep_successful, keep_failed, now - KEEP_SKIPPED)
    ]


def _beyond(newest_first: Sequence[Run], keep_successful: int, keep_failed: int, skipped_before: datetime) -> list[Run]:
    successful = [run for run in newest_first if run.outcome is Outcome.COMPLETED]
    failed = [run for run in newest_first if _went_wrong(run)]
    skipped = [run for run in newest_first if run.outcome is not Outcome.COMPLETED and not _went_wrong(run)]
    old = [run for run in skipped if run.ended_at < skipped_before]
    return [*successful[keep_successful:], *failed[keep_failed:], *old]


def _went_wrong(run: EndedRun) -> bool:
    if run.outcome is Outcome.COMPLETED:
        return False
    return run.agent_started or run.outcome.state_type in ("FAILED", "CRASHED")
