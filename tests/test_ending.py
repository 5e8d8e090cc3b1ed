from datetime import UTC, datetime, timedelta

import pytest

from sessions.admission import missed
from sessions.ending import outcome_of, reason_for
from sessions.outcome import Outcome
from sessions.retention import KEEP_SKIPPED, EndedRun, expired
from sessions.runners.base import AgentEnd, Stop
from sessions.spec import SessionSpec

NOW = datetime(2026, 11, 20, 2, tzinfo=UTC)


@pytest.mark.parametrize("stop", Stop)
def test_every_way_an_agent_can_end_has_an_outcome_and_a_reason_of_one_line(stop: Stop) -> None:
    end = AgentEnd(stop=stop, error="it was late")
    reason = reason_for(end, SessionSpec(prompt="x"), turns=1, cost_usd=0.25, seconds=61.4)
    assert outcome_of(end) in Outcome
    assert "1 turn, 0.2500 USD, 61 s" in reason
    assert reason.endswith(": it was late")


@pytest.mark.parametrize(
    ("stop", "outcome"),
    [
        (Stop.FINISHED, Outcome.COMPLETED),
        (Stop.TIMED_OUT, Outcome.TIMED_OUT),
        (Stop.INACTIVE, Outcome.TIMED_OUT),
        (Stop.MAX_TURNS, Outcome.STOPPED),
        (Stop.MAX_COST, Outcome.OVER_BUDGET),
        (Stop.DAY_COST, Outcome.OVER_BUDGET),
        (Stop.REFUSED, Outcome.FAILED),
        (Stop.FAILED, Outcome.FAILED),
        (Stop.INTERRUPTED, Outcome.CRASHED),
    ],
)
def test_the_outcome_says_what_ended_it(stop: Stop, outcome: Outcome) -> None:
    assert outcome_of(AgentEnd(stop=stop)) is outcome


def test_an_interruption_that_somebody_asked_for_is_no_crash() -> None:
    assert outcome_of(AgentEnd(stop=Stop.INTERRUPTED), stopped_by_request=True) is Outcome.STOPPED
    assert outcome_of(AgentEnd(stop=Stop.FINISHED), stopped_by_request=True) is Outcome.COMPLETED


def test_state_names_are_one_each_and_read_like_prefects_own() -> None:
    names = [outcome.state_name for outcome in Outcome]
    assert len(set(names)) == len(Outcome)
    assert {"Completed", "TimedOut", "SkippedOverlap"} <= set(names)


def test_only_what_a_person_must_look_into_is_failed() -> None:
    needs_a_look = {outcome for outcome in Outcome if outcome.state_type in ("FAILED", "CRASHED")}
    assert needs_a_look == {Outcome.FAILED, Outcome.TIMED_OUT, Outcome.CRASHED, Outcome.NEEDS_INPUT}


@pytest.mark.parametrize(("late", "is_missed"), [(299, False), (300, False), (301, True), (-5, False)])
def test_a_slot_is_missed_once_it_is_longer_ago_than_the_deadline(late: int, is_missed: bool) -> None:
    skip = missed(slot_at=NOW, now=NOW + timedelta(seconds=late), deadline_seconds=300, automatic=True)
    assert (skip is not None) is is_missed
    if skip:
        assert skip.outcome is Outcome.MISSED
        assert skip.reason.startswith("would have started 5 min 1 s after its slot, and the starting deadline is 5 min")


def test_what_a_person_asked_for_and_what_has_no_deadline_is_never_missed() -> None:
    later = NOW + timedelta(days=9)
    assert missed(slot_at=NOW, now=later, deadline_seconds=300, automatic=False) is None
    assert missed(slot_at=NOW, now=later, deadline_seconds=0, automatic=True) is None


def ended(number: int, outcome: Outcome, days_ago: float = 0) -> EndedRun:
    at = NOW - timedelta(days=days_ago, minutes=number)
    return EndedRun(run_id=f"{outcome}-{number}", outcome=outcome, ended_at=at)


def test_so_many_successes_and_failures_are_kept_each_the_newest() -> None:
    runs = [ended(number, outcome) for number in range(8) for outcome in (Outcome.COMPLETED, Outcome.FAILED)]
    gone = {run.run_id for run in expired(runs, keep_successful=5, keep_failed=3, now=NOW)}
    assert gone == {*(f"completed-{n}" for n in (5, 6, 7)), *(f"failed-{n}" for n in (3, 4, 5, 6, 7))}


def test_timeouts_and_crashes_count_as_failures() -> None:
    runs = [ended(number, outcome) for number, outcome in enumerate([Outcome.TIMED_OUT, Outcome.CRASHED])]
    assert [run.outcome for run in expired(runs, keep_successful=1, keep_failed=1, now=NOW)] == [Outcome.CRASHED]


def test_a_schedule_that_is_due_often_pushes_out_no_run_of_another() -> None:
    often = [ended(number, Outcome.COMPLETED).model_copy(update={"schedule": "hourly"}) for number in range(8)]
    weekly = ended(900, Outcome.COMPLETED).model_copy(update={"schedule": "weekly"})
    assert expired([*often, weekly], keep_successful=5, keep_failed=3, now=NOW) == often[5:]


@pytest.mark.parametrize("outcome", [Outcome.STOPPED, Outcome.OVER_BUDGET])
def test_runs_whose_agent_was_stopped_are_kept_by_count_among_the_failed_ones(outcome: Outcome) -> None:
    stopped = [ended(number, outcome).model_copy(update={"agent_started": True}) for number in range(4)]
    never_began, failed = [ended(number, outcome) for number in range(10, 60)], ended(5, Outcome.FAILED)
    gone = expired([*stopped, *never_began, failed], keep_successful=5, keep_failed=3, now=NOW)
    assert gone == [stopped[3], failed]


def test_slots_without_a_change_do_not_push_out_the_run_that_they_were_compared_with() -> None:
    compared = ended(50, Outcome.COMPLETED)
    runs = [*(ended(number, Outcome.NO_CHANGE) for number in range(9)), compared]
    assert expired(runs, keep_successful=1, keep_failed=1, now=NOW) == []
    later = NOW + KEEP_SKIPPED + timedelta(hours=1)
    assert compared not in expired(runs, keep_successful=1, keep_failed=1, now=later)
    assert len(expired(runs, keep_successful=1, keep_failed=1, now=later)) == 9


def test_runs_in_which_no_agent_worked_push_nothing_out_and_go_by_age() -> None:
    old = KEEP_SKIPPED.days + 1
    runs = [ended(number, Outcome.MISSED) for number in range(50)] + [ended(99, Outcome.MISSED, days_ago=old)]
    assert [run.run_id for run in expired(runs, keep_successful=0, keep_failed=0, now=NOW)] == ["missed-99"]


def test_nothing_kept_is_nothing_kept() -> None:
    assert len(expired([ended(1, Outcome.COMPLETED)], keep_successful=0, keep_failed=0, now=NOW)) == 1
