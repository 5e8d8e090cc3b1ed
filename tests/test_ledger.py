"""Every slot has exactly one row, whatever runs there are."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sessions.ledger import (
    FORGOTTEN,
    LATE,
    TAKE_UP,
    Due,
    RunRow,
    WatchedSchedule,
    due_slots,
    ledger_rows,
    merge_rows,
    slots_between,
    without_record,
)
from sessions.outcome import Outcome
from sessions.schedule import CronSchedule, IntervalSchedule, MomentSchedule

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HOURLY = CronSchedule(cron="0 * * * *")
SCHEDULES = st.sampled_from(
    [
        HOURLY,
        CronSchedule(cron="30 2 * * *", timezone="Europe/Berlin"),
        CronSchedule(cron="*/7 9-17 * * MON-FRI", timezone="America/New_York"),
        IntervalSchedule(interval=timedelta(minutes=90), anchor_date=NOON),
        MomentSchedule(at=NOON + timedelta(hours=5)),
    ]
)


def a_watch(schedule: object = HOURLY, **fields: object) -> WatchedSchedule:
    given_fields = {
        "created_at": NOON - 30 * DAY,
        "changed_at": NOON - 30 * DAY,
        "active": True,
        "id": "a",
        "name": "n",
    }
    return WatchedSchedule.model_validate({**given_fields, "schedule": schedule, **fields})


def a_run(number: int, at: datetime, **fields: object) -> RunRow:
    given_fields = {"id": str(number), "name": "x", "phase": "Completed", "origin": "schedule", "schedule_id": "a"}
    return RunRow.model_validate({**given_fields, "outcome": Outcome.COMPLETED, "slot_at": at, **fields})


def rows(due: list[Due], runs: list[RunRow], now: datetime = NOON) -> list[RunRow]:
    return ledger_rows("night", due, runs, now=now, deadline_seconds=300)


@given(
    schedule=SCHEDULES,
    hours=st.integers(1, 72),
    have=st.sets(st.integers(0, 200)),
    triggered=st.lists(st.integers(0, 4000), max_size=5),
)
def test_every_due_slot_has_exactly_one_row_and_no_run_is_lost(
    schedule: object, hours: int, have: set[int], triggered: list[int]
) -> None:
    due = due_slots([a_watch(schedule)], NOON, NOON + timedelta(hours=hours))
    made = [a_run(number, item.at) for number, item in enumerate(due) if number in have]
    asked = [a_run(1000 + at, NOON + timedelta(minutes=at), origin="trigger", schedule_id="") for at in triggered]
    shown = rows(due, [*made, *asked], now=NOON + timedelta(hours=hours))
    of_slots = Counter(row.slot_at for row in shown if row.origin == "schedule")
    assert of_slots == Counter(item.at for item in due)
    assert Counter(row.id for row in shown if row.id) == Counter(run.id for run in (*made, *asked))
    assert sum(row.phase == "Missed" for row in shown) == len(due) - len(made)
    assert shown == sorted(shown, key=lambda row: row.slot_at or NOON, reverse=True)


@given(schedule=SCHEDULES, minutes=st.integers(1, 5000), cut=st.integers(0, 5000))
def test_slots_of_a_span_are_those_of_its_two_parts(schedule: object, minutes: int, cut: int) -> None:
    watched = a_watch(schedule).schedule
    end, middle = NOON + timedelta(minutes=minutes), NOON + timedelta(minutes=min(cut, minutes))
    whole = list(slots_between(watched, NOON, end))
    assert whole == [*slots_between(watched, NOON, middle), *slots_between(watched, middle, end)]
    assert all(NOON < slot <= end for slot in whole)
    assert len(set(whole)) == len(whole)


def test_slots_before_the_schedule_was_made_were_not_due() -> None:
    made = NOON - timedelta(hours=2, minutes=30)
    due = due_slots([a_watch(created_at=made, changed_at=made)], NOON - DAY, NOON)
    assert [item.at.hour for item in due] == [10, 11, 12]


def test_a_slot_that_comes_before_the_scheduler_looks_is_not_promised() -> None:
    made = NOON - TAKE_UP + timedelta(seconds=1)
    assert due_slots([a_watch(created_at=made, changed_at=made)], NOON - DAY, NOON) == []


def test_slots_before_a_change_are_not_called_missed_since_nobody_knows_whether_they_were_due() -> None:
    due = due_slots([a_watch(changed_at=NOON - timedelta(minutes=90))], NOON - timedelta(hours=3), NOON)
    shown = rows(due, [])
    assert [(row.phase, row.outcome) for row in shown] == [
        ("Missed", Outcome.MISSED),
        ("Missed", Outcome.MISSED),
        ("Unknown", None),
    ]
    assert "not known" in shown[-1].reason


def test_slots_before_the_oldest_line_are_not_called_missed_where_older_lines_had_to_go() -> None:
    due = due_slots([a_watch()], NOON - timedelta(hours=4), NOON)
    oldest_line = NOON - timedelta(hours=2)
    shown = ledger_rows("night", due, [a_run(1, NOON)], now=NOON, deadline_seconds=300, forgotten_until=oldest_line)
    assert [(row.phase, row.outcome) for row in shown] == [
        ("Completed", Outcome.COMPLETED),
        ("Missed", Outcome.MISSED),
        ("Unknown", None),
        ("Unknown", None),
    ]
    assert {row.reason for row in shown[2:]} == {FORGOTTEN}


def test_a_suspended_schedule_is_not_due_since_it_was_suspended() -> None:
    suspended = a_watch(active=False, changed_at=NOON - timedelta(minutes=90))
    shown = rows(due_slots([suspended], NOON - timedelta(hours=3), NOON), [a_run(1, NOON - timedelta(hours=2))])
    assert [(row.id, row.phase) for row in shown] == [("1", "Completed")]


def test_a_missed_slot_says_why_and_has_no_run() -> None:
    row, *_ = rows(due_slots([a_watch()], NOON - timedelta(minutes=30), NOON), [])
    assert (row.id, row.outcome, row.started_at, row.schedule) == ("", Outcome.MISSED, None, "n")
    assert row.name == "night · 2026-11-20 12:00 UTC"
    assert "the Prefect server was down" in row.reason


def test_a_run_that_no_worker_took_within_its_deadline_is_missed_and_says_so() -> None:
    waiting = {"phase": "Pending", "outcome": None}
    late, soon = a_run(1, NOON - timedelta(minutes=6), **waiting), a_run(2, NOON - timedelta(minutes=4), **waiting)
    asked = a_run(3, NOON - timedelta(hours=1), origin="trigger", **waiting)
    shown = {row.id: row for row in rows([], [late, soon, asked])}
    assert (shown["1"].outcome, shown["1"].reason) == (Outcome.MISSED, LATE)
    assert (shown["2"].outcome, shown["3"].outcome) == (None, None)


def test_two_schedules_that_are_due_at_once_are_two_slots() -> None:
    due = due_slots([a_watch(), a_watch(id="b")], NOON - timedelta(minutes=30), NOON)
    assert [item.schedule_id for item in without_record(due, [a_run(1, NOON)])] == ["b"]


def test_a_run_of_a_schedule_that_a_deploy_replaced_stands_for_its_slot() -> None:
    due = due_slots([a_watch()], NOON - timedelta(minutes=90), NOON)
    left = without_record(due, [a_run(1, NOON, schedule_id="replaced")])
    assert [item.at.hour for item in left] == [11]


def test_a_triggered_run_stands_for_no_slot() -> None:
    due = due_slots([a_watch()], NOON - timedelta(minutes=30), NOON)
    assert len(without_record(due, [a_run(1, NOON, origin="trigger", schedule_id="")])) == 1


def test_rows_that_outlive_their_runs_are_merged_once_bounded_and_by_age() -> None:
    older = [a_run(1, NOON - 40 * DAY), a_run(2, NOON - DAY, reason="before")]
    newer = [a_run(2, NOON - DAY, reason="now"), a_run(3, NOON)]
    merged = merge_rows(older, newer, since=NOON - 30 * DAY, most=10)
    assert [(row.id, row.reason) for row in merged] == [("3", ""), ("2", "now")]
    assert [row.id for row in merge_rows(older, newer, since=NOON - 30 * DAY, most=1)] == ["3"]
