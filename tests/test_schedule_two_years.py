"""The slots that are shown and those that Prefect's scheduler makes runs for, over two years and for every kind."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from prefect.server.schemas.schedules import CronSchedule as PrefectCron
from prefect.server.schemas.schedules import IntervalSchedule as PrefectInterval
from prefect.server.schemas.schedules import RRuleSchedule as PrefectRule

from sessions.cron import PRESETS, cron_fault
from sessions.ledger import slots_between
from sessions.schedule import CronSchedule, IntervalSchedule, MomentSchedule, Schedule, next_times
from sessions.slots import changes_clocks

START = datetime(2026, 11, 20, 8, 0, 30, tzinfo=UTC)
END = START + timedelta(days=731)
A_SECOND, A_MINUTE, AN_HOUR, A_DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
#: Clocks that change by an hour, by half of one, by two, against the sun in winter, around Ramadan, and not at all.
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Europe/Dublin",
    "Africa/Casablanca",
    "America/Santiago",
    "Asia/Kolkata",
)
ANCHOR = datetime(2025, 7, 3, 0, 30, tzinfo=UTC)
#: How far ahead Prefect's scheduler makes runs: three of them, and an hour's.
RUNS_AHEAD, TIME_AHEAD, LONGEST_AHEAD = 3, AN_HOUR, timedelta(days=100)


def as_prefect(schedule: Schedule) -> PrefectCron | PrefectInterval | PrefectRule:
    if isinstance(schedule, CronSchedule):
        return PrefectCron(cron=schedule.cron, timezone=schedule.timezone, day_or=schedule.day_or)
    if isinstance(schedule, IntervalSchedule):
        return PrefectInterval(interval=schedule.interval, anchor_date=schedule.anchor_date, timezone=schedule.timezone)
    return PrefectRule(rrule=schedule.rrule, timezone=schedule.timezone)


def made_ahead(schedule: PrefectCron | PrefectInterval | PrefectRule, now: datetime) -> Iterator[datetime]:
    """The runs that Prefect's scheduler makes at a moment."""
    dates = schedule._get_dates_generator(n=100, start=now, end=now + LONGEST_AHEAD)
    for count, date in enumerate(dates, start=1):
        # In sums and comparisons, the moments of pendulum go by the clock of their zone.
        moment = datetime.fromtimestamp(date.timestamp(), UTC)
        yield moment
        if count >= RUNS_AHEAD and moment >= now + TIME_AHEAD:
            return


def slots_of_prefect(schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
    """What a server that is up all the time makes runs for: it looks each minute whether there are enough ahead."""
    theirs, made, now = as_prefect(schedule), set[datetime](), start
    while now < end:
        made |= set(made_ahead(theirs, now))
        ahead = sorted(moment for moment in made if moment > now)
        now += A_MINUTE * ((enough_until(ahead, now) - now) // A_MINUTE + 1)
    return sorted(moment for moment in made if start <= moment <= end)


def enough_until(ahead: list[datetime], now: datetime) -> datetime:
    if len(ahead) < RUNS_AHEAD:
        return ahead[0] if ahead else now + LONGEST_AHEAD / 2
    return max(now, min(ahead[-RUNS_AHEAD], ahead[-1] - TIME_AHEAD))


def slots_of_ours(schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
    return [slot.astimezone(UTC) for slot in slots_between(schedule, start - A_SECOND, end)]


def changes_of(zone: str) -> Iterator[datetime]:
    """The days of the two years on which the clocks are changed."""
    for day in range((END - START).days):
        moment = START + day * A_DAY
        if moment.astimezone(ZoneInfo(zone)).utcoffset() != (moment + A_DAY).astimezone(ZoneInfo(zone)).utcoffset():
            yield moment


def seldom(zone: str) -> Iterator[Schedule]:
    """Schedules that are due some times a day at most."""
    presets = [cron for name, cron in PRESETS.items() if name != "hourly"]
    for cron in (*presets, "30 2 * * *", "*/30 2 * * 7", "0 0 29 2 *", "0 9 * JAN-jun FRI#2", "0 9 1,15 * mon"):
        yield CronSchedule(cron=cron, timezone=zone)
    yield CronSchedule(cron="30 1 1-7 * SUN", timezone=zone, day_or=False)
    without_changes = "UTC" if changes_clocks(ZoneInfo(zone)) else zone
    for hours in (24, 36, 24 * 7):
        yield IntervalSchedule(interval=AN_HOUR * hours, anchor_date=ANCHOR, timezone=without_changes)
    for moment in (datetime(2027, 3, 28, 1, 30), datetime(2027, 10, 31, 0, 30), datetime(2028, 2, 29, 12)):  # noqa: DTZ001
        yield MomentSchedule(at=moment.replace(tzinfo=UTC), timezone=zone)


@pytest.mark.parametrize("zone", ZONES)
def test_two_years_of_every_kind_are_those_that_prefect_schedules(zone: str) -> None:
    for schedule in seldom(zone):
        theirs = slots_of_prefect(schedule, START, END)
        assert slots_of_ours(schedule, START, END) == theirs, schedule
        assert theirs


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    "schedule",
    [
        CronSchedule(cron=PRESETS["hourly"]),
        CronSchedule(cron="*/20 0-4 * * *"),
        IntervalSchedule(interval=AN_HOUR, anchor_date=ANCHOR),
        IntervalSchedule(interval=95 * A_MINUTE, anchor_date=START + timedelta(days=90)),
    ],
)
def test_what_is_due_often_is_so_around_every_change_of_the_clocks_too(schedule: Schedule, zone: str) -> None:
    if isinstance(schedule, CronSchedule):
        schedule = schedule.model_copy(update={"timezone": zone})
    for day in changes_of(zone) if zone != "UTC" else [START]:
        start, end = day - A_DAY, day + 2 * A_DAY
        assert slots_of_ours(schedule, start, end) == slots_of_prefect(schedule, start, end)


def items(low: int, high: int, *names: str) -> st.SearchStrategy[str]:
    """What one field of a cron expression may be: numbers, names, ranges, steps and lists of them."""
    number = st.integers(low, high)
    rising = st.tuples(number, number).map(sorted)
    single = number.map(str) | (st.sampled_from(names) if names else st.nothing())
    span = rising.map(lambda ends: f"{ends[0]}-{ends[1]}")
    step = st.tuples(st.just("*") | span, st.integers(1, high)).map(lambda parts: f"{parts[0]}/{parts[1]}")
    return st.just("*") | st.lists(single | span | step, min_size=1, max_size=3).map(",".join)


EXPRESSIONS = st.tuples(
    items(0, 59), items(0, 23), items(1, 31), items(1, 12, "JAN", "jun", "Dec"), items(0, 7, "MON", "sat", "Sun")
).map(" ".join)


@given(
    expression=EXPRESSIONS,
    zone=st.sampled_from(ZONES),
    day_or=st.booleans(),
    start=st.integers(0, int((END - START).total_seconds())).map(lambda seconds: START + timedelta(seconds=seconds)),
)
def test_whatever_cron_expression_passes_is_due_when_prefect_schedules_it(
    expression: str, zone: str, day_or: bool, start: datetime
) -> None:
    assume(not cron_fault(expression))
    schedule = CronSchedule(cron=expression, timezone=zone, day_or=day_or)
    theirs = [moment for moment in made_ahead(as_prefect(schedule), start + A_SECOND) if moment > start]
    # It does not look further ahead than a hundred days.
    assume(theirs)
    ours = [moment.astimezone(UTC) for moment in next_times(schedule, start, len(theirs))]
    assert ours == theirs


def test_prefect_still_makes_too_many_slots_of_an_interval_on_a_clock_that_changes() -> None:
    """Once this fails, ADR 0019 may be looked at again: what it forbids would then be safe."""
    daily = IntervalSchedule(interval=A_DAY, anchor_date=ANCHOR, timezone="Europe/Berlin")
    assert len(slots_of_prefect(daily, START, END)) > (END - START) / A_DAY + 1
    hourly = IntervalSchedule(interval=AN_HOUR, anchor_date=ANCHOR, timezone="Europe/Berlin")
    back = datetime(2027, 10, 30, tzinfo=UTC)
    assert len(slots_of_prefect(hourly, back, back + 2 * A_DAY)) < 2 * 24
