from datetime import timedelta

import pytest

from sessions.memory.things import Thread
from sessions.outcome import Outcome
from sessions.signals import (
    compute_signals,
    cost_trend,
    failing_streak,
    kept_work,
    scattered_themes,
    stale_threads,
    uncommitted_work,
)
from sessions.workspace.base import GitState
from tests.fakes.observations import an_entry
from tests.fakes.records import SLOT
from tests.test_past_runs import a_past_run


def outcomes(*each: Outcome) -> list[object]:
    return [a_past_run(number, outcome=outcome, reason=f"reason {number}") for number, outcome in enumerate(each, 1)]


def costs(*each: float) -> list[object]:
    return [a_past_run(number, cost_usd=cost) for number, cost in enumerate(each, 1)]


def a_thread(number: int, days: int) -> Thread:
    return Thread(id=f"t{number}", tag="solo", text="?", run="r", opened_at=SLOT - timedelta(days=days))


def test_one_error_is_told_and_two_in_a_row_are_flagged() -> None:
    one = failing_streak(outcomes(Outcome.FAILED, Outcome.COMPLETED))
    two = failing_streak(outcomes(Outcome.MISSED, Outcome.TIMED_OUT, Outcome.CRASHED, Outcome.COMPLETED))
    assert one is not None
    assert (one.value, one.flagged, one.ids) == ("the last run failed, the last as failed: reason 1", False, ("run-1",))
    assert two is not None
    assert (two.value, two.flagged) == ("2 runs in a row failed, the last as timed_out: reason 2", True)


@pytest.mark.parametrize("newest", [(), (Outcome.COMPLETED, Outcome.FAILED), (Outcome.MISSED, Outcome.STOPPED)])
def test_a_success_ends_a_streak_and_skips_make_none(newest: tuple[Outcome, ...]) -> None:
    assert failing_streak(outcomes(*newest)) is None


def test_costs_that_rise_by_half_are_flagged() -> None:
    signal = cost_trend(costs(0.41, 0.40, 0.39, 0.10, 0.20, 0.20, 0.20))
    assert signal is not None
    assert signal.value == "the last 3 runs cost 0.40 US dollars on average, those before 0.20"
    assert signal.ids == ("run-1", "run-2", "run-3")


@pytest.mark.parametrize(
    "each",
    [
        (0.29, 0.29, 0.29, 0.20, 0.20, 0.20),
        (0.9, 0.9, 0.9, 0.1, 0.1),
        (0.003, 0.003, 0.003, 0.001, 0.001, 0.001),
        (0.1, 0.1, 0.1, 0.5, 0.5, 0.5),
    ],
    ids=["less-than-half", "too-few", "too-little-money", "falling"],
)
def test_costs_that_do_not_rise_much_say_nothing(each: tuple[float, ...]) -> None:
    assert cost_trend(costs(*each)) is None


def test_sessions_that_each_take_another_theme_are_flagged() -> None:
    themes = ("Doors", "Licences of packages", "Slow queries", "The onboarding page", "Broken links")
    signal = scattered_themes([an_entry(number, theme=theme) for number, theme in enumerate(themes)])
    assert signal is not None
    assert signal.value == "the last 5 sessions had 5 themes that share no word"


def test_sessions_that_stay_with_their_theme_say_nothing() -> None:
    themes = ("Hinges of doors", "Doors, again", "Painting the doors", "Slow queries", "The door handle")
    entries = [an_entry(number, theme=theme) for number, theme in enumerate(themes)]
    assert scattered_themes(entries) is None
    assert scattered_themes(entries[3:4]) is None


def test_threads_that_nobody_took_up_for_two_weeks_are_flagged_oldest_first() -> None:
    signal = stale_threads([a_thread(1, 15), a_thread(2, 40), a_thread(3, 14)], SLOT)
    assert signal is not None
    assert signal.value.startswith("2 threads are open for more than 14 days, the oldest for 40")
    assert signal.ids == ("t2", "t1")
    assert stale_threads([a_thread(3, 14)], SLOT) is None


def test_a_working_copy_that_holds_changes_before_the_session_is_flagged() -> None:
    signal = uncommitted_work([GitState(name="app", url="u", branch="b", uncommitted=("a.py", "b.py"))])
    assert signal is not None
    assert (signal.value, signal.flagged) == ("app: a.py, b.py", True)
    assert uncommitted_work([GitState(name="app", url="u", branch="b")]) is None


def test_what_the_newest_run_left_unpushed_is_told_and_not_flagged() -> None:
    runs = [a_past_run(0, worked=False), a_past_run(1, not_pushed=("2 commits kept",)), a_past_run(2)]
    signal = kept_work(runs)
    assert signal is not None
    assert (signal.value, signal.flagged, signal.ids) == ("2 commits kept", False, ("run-1",))
    assert kept_work(runs[2:]) is None
    assert kept_work([]) is None


def test_all_signals_are_computed_together_and_where_all_is_well_there_are_none() -> None:
    found = compute_signals(
        runs=outcomes(Outcome.FAILED, Outcome.FAILED), journal=[], threads=[a_thread(1, 20)], git=[], now=SLOT
    )
    assert [signal.name for signal in found] == ["failing streak", "stale threads"]
    assert compute_signals(runs=[a_past_run(1)], journal=[an_entry(1)], threads=[], git=[], now=SLOT) == []
