"""The wait after errors, on a simulated clock."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.admission import backing_off
from sessions.backoff import consecutive_errors, ended_rows, newest_first, next_attempt, waits_until
from sessions.ledger import RunRow
from sessions.outcome import Outcome
from sessions.parameters import DEFAULT_BACKOFF_SECONDS
from sessions.retention import EndedRun

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ERRORS = (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.CRASHED)
SUCCESSES = (Outcome.COMPLETED, Outcome.NO_CHANGE)
NEITHER = tuple(outcome for outcome in Outcome if outcome not in (*ERRORS, *SUCCESSES))


def ended(*outcomes: Outcome, at: datetime = NOON) -> list[EndedRun]:
    """Runs that ended a minute apart, the last at `at`; newest first, as the rules take them."""
    count = len(outcomes)
    times = [at - timedelta(minutes=count - 1 - number) for number in range(count)]
    return newest_first(
        EndedRun(run_id=f"{number} {at}", outcome=outcome, ended_at=time)
        for number, (outcome, time) in enumerate(zip(outcomes, times, strict=True))
    )


class Clock:
    """A session whose every run takes ten seconds and ends as `outcome` says, due every `interval` from noon on."""

    def __init__(self, interval: timedelta, outcome: Callable[[int], Outcome]) -> None:
        self.interval = interval
        self.outcome = outcome

    def attempts(self) -> Iterator[tuple[datetime, datetime]]:
        """The start and the end of each run, without end."""
        runs: list[EndedRun] = []
        now = NOON
        for number in range(1000):
            passed = (now - NOON) // self.interval
            natural = NOON + (passed + bool(number)) * self.interval
            start = next_attempt(natural, waits_until(newest_first(runs), DEFAULT_BACKOFF_SECONDS))
            now = start + timedelta(seconds=10)
            runs.append(EndedRun(run_id=str(number), outcome=self.outcome(number), ended_at=now))
            yield start, now


def test_errors_in_a_row_wait_30_s_then_1_5_15_and_60_minutes_and_60_again() -> None:
    attempts = Clock(timedelta(seconds=1), lambda _: Outcome.FAILED).attempts()
    runs = [next(attempts) for _ in range(8)]
    waits = [(later - end).total_seconds() for (_, end), (later, _) in itertools.pairwise(runs)]
    assert waits == [30, 60, 300, 900, 3600, 3600, 3600]


def test_the_next_attempt_is_the_natural_slot_where_that_is_later_than_the_wait() -> None:
    attempts = Clock(timedelta(minutes=10), lambda _: Outcome.FAILED).attempts()
    starts = [next(attempts)[0] for _ in range(5)]
    # Three errors wait 5 min from 12:20:10, before 12:30; four wait 15 min from 12:30:10, past 12:40.
    assert [f"{start:%H:%M:%S}" for start in starts] == ["12:00:00", "12:10:00", "12:20:00", "12:30:00", "12:45:10"]


def test_the_first_success_resets_the_wait() -> None:
    attempts = Clock(
        timedelta(minutes=1), lambda number: Outcome.COMPLETED if number == 2 else Outcome.FAILED
    ).attempts()
    starts = [next(attempts)[0] for _ in range(6)]
    # After the errors of 12:00 and 12:01 it waits a minute; after the success of 12:02:10 the ladder begins anew.
    assert [f"{start:%H:%M:%S}" for start in starts] == [
        "12:00:00", "12:01:00", "12:02:10", "12:03:00", "12:04:00", "12:05:10",
    ]  # fmt: skip


@pytest.mark.parametrize("outcome", ERRORS)
def test_failed_timed_out_and_crashed_are_errors(outcome: Outcome) -> None:
    assert consecutive_errors([outcome, outcome, Outcome.COMPLETED, outcome]) == 2


@pytest.mark.parametrize("outcome", NEITHER)
def test_skips_misses_and_stops_neither_count_nor_break_a_row(outcome: Outcome) -> None:
    assert consecutive_errors([outcome]) == 0
    assert consecutive_errors([outcome, Outcome.FAILED, outcome, Outcome.FAILED, outcome]) == 2
    assert waits_until(ended(Outcome.COMPLETED, outcome), [30]) is None


@pytest.mark.parametrize("outcome", SUCCESSES)
def test_a_success_ends_a_row(outcome: Outcome) -> None:
    assert consecutive_errors([outcome, Outcome.FAILED, Outcome.FAILED]) == 0
    assert waits_until(ended(Outcome.FAILED, outcome), [30]) is None


def test_no_delays_are_no_wait() -> None:
    assert waits_until(ended(Outcome.FAILED), []) is None


def test_a_skip_in_between_does_not_put_the_wait_off() -> None:
    later = ended(Outcome.BACKING_OFF, at=NOON + timedelta(seconds=20))
    assert waits_until(newest_first([*ended(Outcome.FAILED), *later]), [30]) == NOON + timedelta(seconds=30)


def a_line(number: int, outcome: Outcome | None, minutes_ago: int) -> RunRow:
    at = NOON - timedelta(minutes=minutes_ago)
    return RunRow(id=str(number), name="x", phase="Failed", slot_at=at, ended_at=at, outcome=outcome)


def test_runs_that_retention_deleted_count_by_their_lines_and_each_once() -> None:
    three = [a_line(number, Outcome.FAILED, number) for number in range(3)]
    deleted = [a_line(3, Outcome.CRASHED, 9), a_line(4, Outcome.COMPLETED, 20), a_line(5, Outcome.FAILED, 30)]
    at_work = a_line(6, None, 0)
    told = newest_first([*ended_rows([*three[1:], *deleted, at_work]), *ended_rows(three)])
    assert consecutive_errors(run.outcome for run in told) == 4
    assert waits_until(told, DEFAULT_BACKOFF_SECONDS) == NOON + timedelta(minutes=15)


def test_a_slot_within_the_wait_says_after_how_many_errors_and_when_the_next_attempt_is() -> None:
    skip = backing_off(
        slot_at=NOON + timedelta(seconds=59), ended=ended(Outcome.FAILED, Outcome.CRASHED), delays=[30, 60]
    )
    assert skip is not None
    assert skip.outcome is Outcome.BACKING_OFF
    assert skip.reason == "waits 1 min after 2 errors in a row: the next attempt is at 2026-11-20 12:01:00 UTC"


def test_a_slot_at_the_very_end_of_the_wait_runs() -> None:
    assert backing_off(slot_at=NOON + timedelta(seconds=30), ended=ended(Outcome.FAILED), delays=[30]) is None


@given(
    outcomes=st.lists(st.sampled_from(Outcome), max_size=12),
    delays=st.lists(st.integers(0, 100_000), max_size=6),
    natural=st.integers(-1000, 100_000),
)
def test_the_next_attempt_is_never_before_the_natural_slot_nor_within_the_wait(
    outcomes: list[Outcome], delays: list[int], natural: int
) -> None:
    runs, slot = ended(*outcomes), NOON + timedelta(seconds=natural)
    attempt = next_attempt(slot, waits_until(runs, delays))
    assert attempt >= slot
    assert backing_off(slot_at=attempt, ended=runs, delays=delays) is None
    assert (backing_off(slot_at=slot, ended=runs, delays=delays) is None) == (attempt == slot)
