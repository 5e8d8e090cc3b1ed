"""Judges a soak by what `sessions runs` says: a record for every slot, no overlap, nothing stuck."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

from pydantic import BaseModel

from deployments.ledger import read_ledger
from sessions.ledger import RunRow
from sessions.outcome import Outcome
from tests.fakes.mortal_stack import MortalStack

A_MINUTE = timedelta(minutes=1)
LOOK_SECONDS = 5.0
#: A silent run is marked as crashed after two minutes, and one that waits is missed after five.
MOST_SECONDS = 600.0
#: What did not work, and so overlaps with nothing.
IDLE = {Outcome.SKIPPED_OVERLAP, Outcome.MISSED, Outcome.BACKING_OFF, Outcome.STOPPED}


class Verdict(BaseModel):
    """What became of the slots. The lists name what must not be."""

    sessions: int
    slots: int
    outcomes: dict[str, int]
    kills: dict[str, int]
    waited_seconds: float
    median_delay_seconds: float
    without_record: list[str]
    doubled: list[str]
    overlapping: list[str]
    stuck: list[str]

    @property
    def is_good(self) -> bool:
        """Whether nothing is there that must not be."""
        return not (self.without_record or self.doubled or self.overlapping or self.stuck)

    def summary(self) -> dict[str, object]:
        """The numbers, and the first few of each list."""
        shown = {name: value[:10] if isinstance(value, list) else value for name, value in self.model_dump().items()}
        return {"good": self.is_good, **shown}


async def wait_for_the_last(stack: MortalStack, names: Iterable[str], first: datetime, last: datetime) -> float:
    """Wait until no run of the slots is at work or waits, for ten minutes at most; returns for how many seconds."""
    began = datetime.now(UTC)
    while (waited := (datetime.now(UTC) - began).total_seconds()) < MOST_SECONDS:
        rows = [row for name in names for row in await rows_of(stack, name, first, last)]
        if not any(map(is_unfinished, rows)):
            return waited
        await asyncio.sleep(LOOK_SECONDS)
    return waited


def is_unfinished(row: RunRow) -> bool:
    """Whether a run is there that is not over; one that waits past its deadline is said to be missed, and is not."""
    return bool(row.id) and row.ended_at is None


async def rows_of(stack: MortalStack, name: str, first: datetime, last: datetime) -> list[RunRow]:
    """The rows of one session whose slot is in the span that counts."""
    async with stack.client() as client:
        rows = await read_ledger(client, name, now=datetime.now(UTC), days=1)
    return [row for row in rows if row.slot_at and first <= row.slot_at < last]


async def judge(
    stack: MortalStack,
    names: Sequence[str],
    first: datetime,
    last: datetime,
    *,
    kills: Counter[str],
    waited_seconds: float,
) -> Verdict:
    """Look at every slot of every session once more, and at the runs that stood in for slots."""
    by_session = {name: await rows_of(stack, name, first, last) for name in names}
    rows = [row for found in by_session.values() for row in found]
    minutes = [first + number * A_MINUTE for number in range((last - first) // A_MINUTE)]
    due = {
        name: Counter(row.slot_at for row in found if row.origin == "schedule") for name, found in by_session.items()
    }
    recorded = {
        name: {row.slot_at for row in found if row.origin == "schedule" and row.outcome and row.id}
        for name, found in by_session.items()
    }
    delays = [(row.started_at - row.slot_at).total_seconds() for row in rows if row.started_at and row.slot_at]
    return Verdict(
        sessions=len(names),
        slots=len(names) * len(minutes),
        outcomes=dict(Counter(str(row.outcome or row.phase) for row in rows)),
        kills=dict(kills),
        waited_seconds=round(waited_seconds, 1),
        median_delay_seconds=round(median(delays), 1) if delays else 0.0,
        without_record=[f"{name} {slot:%H:%M}" for name in names for slot in minutes if slot not in recorded[name]],
        doubled=[f"{name} {slot:%H:%M}" for name in names for slot in minutes if due[name][slot] > 1],
        overlapping=[each for name, found in by_session.items() for each in overlaps(name, found)],
        stuck=[f"{row.name} is {row.phase}" for row in rows if is_unfinished(row)],
    )


def overlaps(name: str, rows: Iterable[RunRow]) -> list[str]:
    """The pairs of runs of one session that were at work at the same time."""
    spans = sorted(
        (row.started_at, row.ended_at, row.id)
        for row in rows
        if row.started_at and row.ended_at and row.outcome not in IDLE
    )
    return [f"{name} {one[2]} and {two[2]}" for one, two in pairwise(spans) if two[0] < one[1]]
