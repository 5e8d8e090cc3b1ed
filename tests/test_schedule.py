import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from prefect._vendor.croniter import croniter as prefects_croniter
from prefect.server.schemas.schedules import CronSchedule as PrefectCron
from prefect.server.schemas.schedules import IntervalSchedule as PrefectInterval
from prefect.server.schemas.schedules import RRuleSchedule as PrefectRule
from pydantic import TypeAdapter, ValidationError

from sessions.cron import PRESETS, cron_fault
from sessions.errors import SpecError
from sessions.schedule import (
    CronSchedule,
    Interval,
    IntervalSchedule,
    MomentSchedule,
    describe,
    next_times,
    parse_at,
    parse_every,
    parse_moment,
    timezone_fault,
)

NEW_YEAR = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)
#: Just before clocks change in Europe, forward and back.
SPRING = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
A_SECOND = timedelta(seconds=1)


def in_utc(moments: Sequence[datetime], after: datetime) -> list[datetime]:
    return [moment.astimezone(UTC) for moment in moments if moment.astimezone(UTC) > after]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("expression", "day_or"),
    [
        ("0 2 * * *", True),
        ("30 2 * * *", True),
        ("0 9 * * 1-5", True),
        ("0 9 1,15 * FRI", True),
        ("0 9 1-7 * MON", False),
        ("59 23 L * *", True),
        ("0 0 * JAN,jul sun#2", True),
        ("0 22-4 * 3,10 *", True),
    ],
)
async def test_a_year_of_cron_slots_is_the_one_that_prefect_schedules(zone: str, expression: str, day_or: bool) -> None:
    prefect = PrefectCron(cron=expression, timezone=zone, day_or=day_or)
    theirs = await prefect.get_dates(n=370, start=NEW_YEAR, end=NEW_YEAR + timedelta(days=366))

    ours = next_times(CronSchedule(cron=expression, timezone=zone, day_or=day_or), NEW_YEAR, len(theirs))

    assert in_utc(ours, NEW_YEAR) == in_utc(theirs, NEW_YEAR)
    assert len(theirs) > 0


@pytest.mark.parametrize("start", [SPRING, AUTUMN])
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("expression", ["0 * * * *", "*/20 1-3 * * *", "5 0-6/2 * * *"])
async def test_cron_slots_around_a_change_of_clocks_are_those_of_prefect(
    zone: str, expression: str, start: datetime
) -> None:
    theirs = await PrefectCron(cron=expression, timezone=zone).get_dates(n=40, start=start + A_SECOND)

    ours = next_times(CronSchedule(cron=expression, timezone=zone), start, 40)

    assert in_utc(ours, start) == in_utc(theirs, start)


def test_an_hourly_cron_pauses_when_the_clocks_go_back_and_an_hourly_interval_does_not() -> None:
    before = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    cron = next_times(CronSchedule(cron="0 * * * *", timezone="Europe/Berlin"), before, 1)
    anchor = datetime(2026, 1, 1, tzinfo=UTC)
    interval = next_times(
        IntervalSchedule(interval=timedelta(hours=1), anchor_date=anchor, timezone="Europe/Berlin"), before, 1
    )

    assert in_utc(cron, before) == [datetime(2026, 10, 25, 2, tzinfo=UTC)]
    assert in_utc(interval, before) == [datetime(2026, 10, 25, 1, tzinfo=UTC)]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hours", [6, 24, 36, 24 * 7])
@pytest.mark.parametrize("anchor", [datetime(2025, 7, 3, 0, 30, tzinfo=UTC), datetime(2026, 12, 3, 9, tzinfo=UTC)])
async def test_a_year_of_an_interval_is_the_one_that_prefect_schedules(zone: str, hours: int, anchor: datetime) -> None:
    interval = timedelta(hours=hours)
    prefect = PrefectInterval(interval=interval, anchor_date=anchor, timezone=zone)
    theirs = await prefect.get_dates(n=60, start=SPRING + A_SECOND)

    ours = next_times(IntervalSchedule(interval=interval, anchor_date=anchor, timezone=zone), SPRING, 60)

    assert in_utc(ours, SPRING) == in_utc(theirs, SPRING)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("digits", ["20260329T023000", "20261025T023000", "20260308T023000", "20260601T090000"])
async def test_one_moment_is_the_one_at_which_prefect_fires(zone: str, digits: str) -> None:
    rule = f"DTSTART:{digits}\nRRULE:FREQ=DAILY;COUNT=1"
    theirs = await PrefectRule(rrule=rule, timezone=zone).get_dates(n=3, start=NEW_YEAR)

    moment = parse_moment(rule, zone)

    assert in_utc(next_times(moment, NEW_YEAR), NEW_YEAR) == in_utc(theirs, NEW_YEAR)
    assert next_times(moment, moment.at) == []


def test_a_moment_written_as_a_rule_is_read_back_as_itself() -> None:
    moment = MomentSchedule(at=parse_at("2027-01-31T09:00", "Asia/Tokyo"), timezone="Asia/Tokyo")

    assert moment.rrule == "DTSTART:20270131T090000\nRRULE:FREQ=DAILY;COUNT=1"
    assert parse_moment(moment.rrule, "Asia/Tokyo").at == moment.at == datetime(2027, 1, 31, tzinfo=UTC)


def test_a_slot_that_is_now_is_not_the_next_one() -> None:
    at_nine = datetime(2026, 6, 1, 9, tzinfo=UTC)

    times = next_times(CronSchedule(cron=PRESETS["daily-9am"]), at_nine)

    assert times == [at_nine + timedelta(days=day) for day in (1, 2, 3)]
    assert times[0].tzinfo == ZoneInfo("UTC")


def test_an_interval_without_an_anchor_is_counted_from_now() -> None:
    times = next_times(IntervalSchedule(interval=timedelta(hours=6)), NEW_YEAR, 2)

    assert times == [NEW_YEAR + timedelta(hours=6), NEW_YEAR + timedelta(hours=12)]


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (CronSchedule(cron="0 * * * *"), "Every hour (UTC)"),
        (
            CronSchedule(cron="0 9 * * 1-5", timezone="Europe/Berlin"),
            "At 09:00, Monday through Friday (Europe/Berlin)",
        ),
        (CronSchedule(cron="0 9 * JAN mon"), "At 09:00, only on Monday, only in January (UTC)"),
        (CronSchedule(cron="0 9 13 * 5"), "At 09:00, on day 13 of the month, or on Friday (UTC)"),
        (
            CronSchedule(cron="0 9 13 * 5", day_or=False),
            "At 09:00, on day 13 of the month, and only if it is also on Friday (UTC)",
        ),
        (
            IntervalSchedule(interval=timedelta(hours=6), anchor_date=datetime(2026, 1, 1, tzinfo=UTC)),
            "Every 6 hours, counted from 2026-01-01 00:00 (UTC)",
        ),
        (IntervalSchedule(interval=timedelta(days=1)), "Every day, counted from its deployment (UTC)"),
        (IntervalSchedule(interval=timedelta(seconds=90)), "Every 90 seconds, counted from its deployment (UTC)"),
        (
            MomentSchedule(at=datetime(2027, 1, 31, 8, tzinfo=UTC), timezone="Europe/Berlin"),
            "Once, on 2027-01-31 at 09:00 (Europe/Berlin)",
        ),
    ],
)
def test_a_schedule_is_said_in_words_with_its_zone(schedule: CronSchedule, words: str) -> None:
    assert describe(schedule) == words


@pytest.mark.parametrize(
    ("expression", "part"),
    [
        ("", "has 0 fields"),
        ("0 9 * *", "has 4 fields"),
        ("0 0 9 * * *", "has 6 fields; a cron expression here has five"),
        ("99 * * * *", "'99' is not a valid minute; it takes 0 to 59"),
        ("0 24 * * *", "'24' is not a valid hour"),
        ("0 9 * JANUARY *", "'JANUARY' is not a valid month; it takes 1 to 12 or JAN to DEC"),
        ("0 9 * * 8", "'8' is not a valid day of week"),
        ("0 0 31 2 *", "never comes: its months have no day 31"),
        ("0 0 31 6 1", "never comes"),
        ("0 0 30 FEB *", "never comes"),
        ("*/0 * * * *", "has a step that does not fit the minute"),
        ("*/61 * * * *", "has a step that does not fit the minute"),
        ("5/15 * * * *", "is read in more than one way; write */15"),
        ("0 0 15W * *", "'15W' is not a valid day of month"),
        ("H * * * *", "'H' is not a valid minute"),
        ("1,,2 * * * *", "'' is not a valid minute"),
        ("@daily", "write '0 0 * * *'"),
        ("weekly-monday", "write '0 9 * * 1'"),
        ("9" * 5000 + " * * * *", "is not a valid minute"),
    ],
)
def test_a_wrong_cron_expression_is_refused_with_what_would_be_right(expression: str, part: str) -> None:
    assert part in cron_fault(expression)
    with pytest.raises(ValidationError, match="cron"):
        CronSchedule(cron=expression)


def test_every_expression_that_passes_is_read_by_prefect_in_the_same_way() -> None:
    pick = random.Random(7)  # noqa: S311 - the same expressions in every run
    parts = [
        ["*", "*/7", "5", "0-30/10", "3,33", "55-5"],
        ["*", "*/5", "9", "22-4", "8-18/2"],
        ["*", "1", "*/9", "L", "?", "10-20", "31"],
        ["*", "2", "JAN-mar", "*/4", "11-2"],
        ["*", "1-5", "SUN", "fri#2", "L5", "7", "sat,sun"],
    ]
    start = datetime(2026, 3, 1, 5, 7)  # noqa: DTZ001 - cron knows no zone
    passed = 0
    for expression in (" ".join(map(pick.choice, parts)) for _ in range(800)):
        if cron_fault(expression):
            continue
        passed += 1
        theirs = prefects_croniter(expression, start)
        wanted = [theirs.get_next(datetime).replace(tzinfo=UTC) for _ in range(3)]
        assert next_times(CronSchedule(cron=expression), start.replace(tzinfo=UTC)) == wanted, expression
        assert describe(CronSchedule(cron=expression)).endswith("(UTC)")
    assert passed > 500


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("Mars/Olympus", "use a name such as Europe/Berlin"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("Europe/Munich", "is not a known time zone"),
        ("New York", "is not a known time zone"),
        ("../etc/passwd", "is not a known time zone"),
        ("America", "is not a known time zone"),
        ("", "is not a known time zone"),
    ],
)
def test_an_unknown_time_zone_is_refused_with_a_known_one(name: str, part: str) -> None:
    assert part in timezone_fault(name)


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("30m", timedelta(minutes=30)),
        ("6h", timedelta(hours=6)),
        ("1 d", timedelta(days=1)),
        ("2w", timedelta(weeks=2)),
        ("PT90M", timedelta(minutes=90)),
        ("06:00:00", timedelta(hours=6)),
    ],
)
def test_an_interval_is_read_in_the_ways_that_people_write_it(text: str, interval: timedelta) -> None:
    assert parse_every(text) == interval


@pytest.mark.parametrize("text", ["", "soon", "0m", "-5m", "6", "45s", "PT1M0.5S", "999999999w", "11y"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="write 30m, 6h, 1d or PT6H"):
        parse_every(text)


@pytest.mark.parametrize(("text", "part"), [("59s", "'59s' is under a minute"), ("PT0S", "under a minute")])
def test_an_interval_under_a_minute_is_refused_as_such(text: str, part: str) -> None:
    with pytest.raises(SpecError, match=part):
        parse_every(text)
    assert parse_every("60s") == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("value", "part"),
    [
        *((value, "is not an interval; give seconds") for value in (True, "x", None, [])),
        *((value, "is under a minute") for value in (0, -1, 0.5, 59, "PT59S", "00:00:30")),
        ("PT1M0.5S", "is not whole seconds"),
        (10**12, "is longer than 10 years"),
    ],
)
def test_an_interval_that_a_definition_may_not_have_is_refused_with_what_is_wrong(value: object, part: str) -> None:
    with pytest.raises(ValidationError, match=part):
        TypeAdapter(Interval).validate_python(value)


def test_a_shorter_interval_that_was_set_on_the_server_is_told_all_the_same() -> None:
    schedule = IntervalSchedule(interval=timedelta(seconds=10), anchor_date=NEW_YEAR)
    assert next_times(schedule, NEW_YEAR, 1) == [NEW_YEAR + timedelta(seconds=10)]
    with pytest.raises(ValidationError, match="greater than"):
        IntervalSchedule(interval=timedelta())


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY",
        "DTSTART:20270131T090000\nRRULE:FREQ=DAILY;COUNT=2",
        "DTSTART:20270131T090000Z\nRRULE:FREQ=DAILY;COUNT=1",
        "DTSTART;TZID=Europe/Berlin:20270131T090000\nRRULE:FREQ=DAILY;COUNT=1",
        "DTSTART:20271331T090000\nRRULE:FREQ=DAILY;COUNT=1",
        "",
    ],
)
def test_a_rule_that_is_not_one_moment_is_refused(rule: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_moment(rule, "Europe/Berlin")

    assert caught.value.field == "rrule"


def test_a_moment_with_an_offset_keeps_it() -> None:
    assert parse_at("2027-01-31T09:00:00+02:00", "Asia/Tokyo") == datetime(2027, 1, 31, 7, tzinfo=UTC)
    with pytest.raises(SpecError, match="write 2027-01-31T09:00"):
        parse_at("tomorrow")


def test_the_presets_are_those_of_the_documentation_and_all_valid() -> None:
    assert PRESETS == {
        "hourly": "0 * * * *",
        "daily-9am": "0 9 * * *",
        "weekdays-9am": "0 9 * * 1-5",
        "weekly-monday": "0 9 * * 1",
    }
    assert not any(cron_fault(expression) for expression in PRESETS.values())
