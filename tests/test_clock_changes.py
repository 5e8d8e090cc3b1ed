"""What is said of times that do not exist, and of times that come twice."""

import sys
from datetime import UTC, datetime, timedelta

import pytest

from sessions.clock_changes import clock_remarks, interval_zone_fault, moment_fault
from sessions.errors import SpecError
from sessions.schedule import CronSchedule, IntervalSchedule, MomentSchedule, Schedule, parse_at

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
BERLIN = "Europe/Berlin"
#: Prefect reads such a time by the clock before the change on older Pythons, and by the one after it on later ones.
INSTEAD = "01:30 CET" if sys.version_info < (3, 13) else "03:30 CEST"


def test_a_nightly_time_says_of_both_changes_what_becomes_of_it() -> None:
    forward, back = clock_remarks(CronSchedule(cron="30 2 * * *", timezone=BERLIN), NOW)
    assert forward == (
        f"2027-03-28 02:30 does not exist in {BERLIN}, where the clocks go forward: due at {INSTEAD} instead"
    )
    assert back == f"2027-10-31 02:30 comes twice in {BERLIN}, where the clocks go back: due the first time only"


def test_of_several_times_the_first_is_named_and_the_others_counted() -> None:
    forward, back = clock_remarks(CronSchedule(cron="*/20 * * * *", timezone=BERLIN), NOW)
    assert "2027-03-28 02:00 (and 2 more) does not exist" in forward
    assert "2027-10-31 02:00 (and 2 more) comes twice" in back


@pytest.mark.parametrize(
    "schedule",
    [
        CronSchedule(cron="0 9 * * *", timezone=BERLIN),
        CronSchedule(cron="30 2 * * MON", timezone=BERLIN),
        CronSchedule(cron="30 2 * * *", timezone="Asia/Tokyo"),
        IntervalSchedule(interval=timedelta(hours=1)),
        MomentSchedule(at=datetime(2027, 6, 1, tzinfo=UTC), timezone=BERLIN),
    ],
)
def test_where_no_change_touches_a_time_nothing_is_said(schedule: Schedule) -> None:
    assert clock_remarks(schedule, NOW) == []


def test_a_moment_that_comes_twice_says_which_one_is_meant() -> None:
    schedule = MomentSchedule(at=parse_at("2027-10-31T02:30", BERLIN), timezone=BERLIN)
    assert clock_remarks(schedule, NOW) == [f"2027-10-31 02:30 comes twice in {BERLIN}: due at 02:30 CEST"]


def test_a_moment_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SpecError, match="does not exist in Europe/Berlin, whose clocks skip it"):
        parse_at("2027-03-28T02:30", BERLIN)
    rule = "DTSTART:{}\nRRULE:FREQ=DAILY;COUNT=1"
    assert "20270328T023000 does not exist in" in moment_fault(rule.format("20270328T023000"), BERLIN)
    assert moment_fault(rule.format("20270328T033000"), BERLIN) == ""
    assert "is not one moment" in moment_fault("RRULE:FREQ=DAILY", BERLIN)


@pytest.mark.parametrize("zone", [BERLIN, "Africa/Casablanca", "Australia/Lord_Howe"])
def test_an_interval_may_have_no_clock_that_is_changed(zone: str) -> None:
    assert "counts the time that passes" in interval_zone_fault(zone)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Phoenix"])
def test_an_interval_may_have_any_other_clock(zone: str) -> None:
    assert interval_zone_fault(zone) == ""
