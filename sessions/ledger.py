"""What became of every slot of a session: its schedules' due times, matched with the runs there are.

A slot is what counts, and not the run: where the server or the worker was down there may be no run to ask.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel

from sessions.outcome import Outcome
from sessions.schedule import Schedule, next_times

#: Prefect's scheduler takes up a new or changed schedule within this time; it makes no run for a slot before.
TAKE_UP = timedelta(seconds=10)
NO_RUN = (
    "no run was made for it: the Prefect server was down or busy when it was due, or somebody deleted the run or "
    "changed the session just before"
)
LATE = "no worker has taken its run: none is online for its pool, or all are busy"
UNCERTAIN = "no run is there; whether it was due is not known, since the schedule was changed or switched afterwards"
FORGOTTEN = (
    "not known: it is before the oldest line that is kept of deleted runs, of which there are too many to keep all"
)
_STEP = 500

Origin = Literal["schedule", "back-off", "dispatch", "trigger"]


class RunRow(BaseModel, frozen=True):
    """One run: where it is in its life, and what became of it.

    Times are aware; `outcome` is None until it ends. A slot for which no run was made has no `id`.

    Attributes:
        origin: a schedule's slot, the attempt after a wait for errors, a dispatch's slot, or somebody's wish.
        schedule_id: the schedule on the server that made it; empty for other origins.
        schedule: that schedule's slug, or its kind where it has none; of other runs the one they belong to.
    """

    id: str
    name: str
    phase: str
    slot_at: AwareDatetime | None
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    duration_seconds: float = 0.0
    outcome: Outcome | None = None
    reason: str = ""
    delivery: str | None = None
    error: str | None = None
    cost_usd: float | None = None
    origin: Origin = "trigger"
    schedule_id: str = ""
    schedule: str = ""


class WatchedSchedule(BaseModel, frozen=True):
    """A schedule of a session, and since when it is as it is.

    The server keeps no history of it: between `created_at` and `changed_at` it may have been another one, or off.
    """

    id: str
    name: str
    schedule: Schedule
    active: bool
    created_at: AwareDatetime
    changed_at: AwareDatetime


class Due(BaseModel, frozen=True):
    """A moment at which a schedule was due; not `certain` where the schedule may have been another one then, or off."""

    schedule_id: str
    schedule: str
    at: AwareDatetime
    certain: bool = True


def slots_between(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """The slots strictly after `after`, up to and with `until`."""
    while after < until:
        found = next_times(schedule, after, _STEP)
        yield from (slot for slot in found if slot <= until)
        if len(found) < _STEP:
            return
        after = found[-1]


def due_slots(watched: Iterable[WatchedSchedule], after: datetime, until: datetime) -> list[Due]:
    """Every slot of some schedules in a span of time, in their order.

    A schedule that is off was due until it was changed, for all that is known, and is not due since.
    """
    found: list[Due] = []
    for item in watched:
        first = max(after, item.created_at + TAKE_UP)
        last = until if item.active else min(until, item.changed_at)
        sure_after = item.changed_at + TAKE_UP
        found += [
            Due(schedule_id=item.id, schedule=item.name, at=slot, certain=item.active and slot > sure_after)
            for slot in slots_between(item.schedule, first, last)
        ]
    return sorted(found, key=lambda due: due.at)


def without_record(due: Sequence[Due], runs: Iterable[RunRow]) -> list[Due]:
    """The slots that no run stands for. One run stands for one slot of its own schedule.

    A run of a schedule that is there no more stands for a slot at its time: deploying may give a schedule a new id.
    """
    known = {item.schedule_id for item in due}
    own, foreign = Counter[tuple[str, int]](), Counter[int]()
    for run in runs:
        if run.origin == "schedule" and run.slot_at:
            if run.schedule_id in known:
                own[run.schedule_id, _second(run.slot_at)] += 1
            else:
                foreign[_second(run.slot_at)] += 1
    left = [item for item in due if not _take(own, (item.schedule_id, _second(item.at)))]
    return [item for item in left if not _take(foreign, _second(item.at))]


def _second(moment: datetime) -> int:
    return round(moment.timestamp())


def _take(counts: Counter, key: object) -> bool:  # type: ignore[type-arg]
    if not counts[key]:
        return False
    counts[key] -= 1
    return True


def ledger_rows(
    session: str,
    due: Sequence[Due],
    runs: Sequence[RunRow],
    *,
    now: datetime,
    deadline_seconds: int,
    forgotten_until: datetime | None = None,
) -> list[RunRow]:
    """A row for every slot and for every run that no schedule made, newest first.

    Args:
        session: the name of the session.
        due: its slots in the span of time that is asked for.
        runs: its runs in that span, each once.
        now: a run that waits for a worker for longer than the deadline has missed its slot, whatever comes.
        deadline_seconds: the session's `starting_deadline_seconds`; 0 is none.
        forgotten_until: runs of slots up to then may have been deleted without a trace; None if none was.
    """
    made = [_settled(run, now, deadline_seconds) for run in runs]
    rows = made + [_row_without_run(session, item, forgotten_until) for item in without_record(due, runs)]
    return sorted(rows, key=lambda row: row.slot_at or datetime.min.replace(tzinfo=UTC), reverse=True)


def _settled(run: RunRow, now: datetime, deadline_seconds: int) -> RunRow:
    deadline = timedelta(seconds=deadline_seconds)
    waits = run.phase == "Pending" and run.origin != "trigger" and run.slot_at is not None
    if not waits or not deadline_seconds or run.slot_at is None or now - run.slot_at <= deadline:
        return run
    return run.model_copy(update={"outcome": Outcome.MISSED, "reason": LATE})


def _row_without_run(session: str, due: Due, forgotten_until: datetime | None) -> RunRow:
    doubt = "" if due.certain else UNCERTAIN
    if forgotten_until and due.at <= forgotten_until:
        doubt = FORGOTTEN
    return RunRow(
        id="",
        name=f"{session} · {due.at:%Y-%m-%d %H:%M %Z}",
        phase="Unknown" if doubt else "Missed",
        slot_at=due.at,
        outcome=None if doubt else Outcome.MISSED,
        reason=doubt or NO_RUN,
        origin="schedule",
        schedule_id=due.schedule_id,
        schedule=due.schedule,
    )


def merge_rows(older: Iterable[RunRow], newer: Iterable[RunRow], *, since: datetime, most: int) -> list[RunRow]:
    """The rows of two sets, each run once as in the newer one, newest slot first.

    Args:
        older: what was kept before.
        newer: what came to it.
        since: rows of slots before are dropped.
        most: so many are kept at most, the newest.
    """
    by_run = {row.id: row for row in (*older, *newer)}
    recent = [row for row in by_run.values() if row.slot_at and row.slot_at >= since]
    return sorted(recent, key=lambda row: row.slot_at or since, reverse=True)[:most]
