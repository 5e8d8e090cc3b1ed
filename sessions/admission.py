"""Whether a run may start at all, decided before a token is spent."""

from datetime import datetime, timedelta

from pydantic import BaseModel

from sessions.outcome import Outcome


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
        reason=f"started {_words(late)} after its slot, and the starting deadline is "
        f"{_words(timedelta(seconds=deadline_seconds))}: the server or the worker was down or busy",
    )


def _words(span: timedelta) -> str:
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" * bool(hours), f"{minutes} min" * bool(minutes), f"{seconds} s" * bool(seconds)]
    return " ".join(part for part in parts if part) or "0 s"
