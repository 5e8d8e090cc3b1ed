"""Whose turn it is: rules, a moment and the day's runs in; a decision with its reasons out."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from sessions.dispatch import NOT_DEPLOYED, Decision, SessionHistory, decide, history_at
from sessions.dispatch_rules import DispatchRule, calendar_fault, day_of, describe_rule
from sessions.ledger import RunRow
from sessions.outcome import Outcome

MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def a_rule(**given: object) -> DispatchRule:
    return DispatchRule.model_validate({"session": "trader"} | given, strict=True)


def a_run(
    slot_at: datetime, outcome: Outcome | None = Outcome.COMPLETED, *, minutes: int = 20, began: bool = True
) -> RunRow:
    return RunRow(
        id=str(slot_at),
        name="a run",
        phase="Completed",
        slot_at=slot_at,
        started_at=slot_at if began else None,
        ended_at=slot_at + minutes * MINUTE if outcome else None,
        outcome=outcome,
    )


def history(
    *runs: RunRow, at: datetime = MONDAY, delays: Sequence[int] = (), suspended: bool = False
) -> SessionHistory:
    return history_at(runs, at=at, now=at, delays=delays, suspended=suspended)


def decide_alone(rule: DispatchRule, known: SessionHistory, at: datetime = MONDAY) -> tuple[bool, str]:
    decision = decide([rule], at, {rule.session: known})
    return decision.session == rule.session, decision.judgements[0].reason


CALENDAR = {
    "every day all day": ({}, MONDAY, ""),
    "its day": ({"days": ["monday"]}, MONDAY, ""),
    "another day": ({"days": ["tuesday"]}, MONDAY, "it is Monday 10:00 (UTC), and its days are Tuesday"),
    "weekdays on a Monday": ({"days": ["weekdays"]}, MONDAY, ""),
    "the weekend on a Monday": ({"days": ["weekend"]}, MONDAY, "and its days are weekend"),
    "the first minute": ({"hours": "10:00-11:00"}, MONDAY, ""),
    "the last minute": ({"hours": "10:00-11:00"}, MONDAY + 59 * MINUTE, ""),
    "the end itself": ({"hours": "10:00-11:00"}, MONDAY + HOUR, "it is Monday 11:00 (UTC), outside 10:00-11:00"),
    "until midnight": ({"hours": "22:00-24:00"}, MONDAY + 13 * HOUR + 59 * MINUTE, ""),
    "another zone": ({"hours": "09:30-16:00", "timezone": "America/New_York"}, MONDAY, "it is Monday 05:00 (America"),
    "another zone, another day": (
        {"days": ["tuesday"], "timezone": "Asia/Tokyo"},
        MONDAY + 6 * HOUR,
        "",
    ),
    "past midnight, on its day": ({"days": ["monday"], "hours": "22:00-02:00"}, MONDAY + 13 * HOUR, ""),
    "past midnight, the day after": ({"days": ["monday"], "hours": "22:00-02:00"}, MONDAY + 15 * HOUR, ""),
    "past midnight, of the day before": (
        {"days": ["monday"], "hours": "22:00-02:00"},
        MONDAY - 9 * HOUR,
        "it is Monday 01:00 (UTC), and its days are Monday",
    ),
    "past midnight, in between": ({"hours": "22:00-02:00"}, MONDAY, "outside 22:00-02:00"),
}


@pytest.mark.parametrize("case", CALENDAR)
def test_days_and_hours_are_those_of_the_rules_zone(case: str) -> None:
    given, at, fault = CALENDAR[case]
    found = calendar_fault(a_rule(**given), at)
    assert found.endswith(fault) if fault.startswith("and") else fault in found
    assert bool(found) == bool(fault)


def test_hours_that_the_clocks_skip_never_come_and_those_that_they_repeat_come_twice() -> None:
    rule = a_rule(hours="02:30-03:00", timezone="Europe/Berlin")
    night = [datetime(2026, 3, 29, tzinfo=UTC) + minute * MINUTE for minute in range(0, 240, 10)]
    assert [at for at in night if not calendar_fault(rule, at)] == []
    back = [datetime(2026, 10, 25, tzinfo=UTC) + minute * MINUTE for minute in range(0, 240, 30)]
    assert [at.hour for at in back if not calendar_fault(rule, at)] == [0, 1]


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (6, 1, 24), (10, 25, 25)])
def test_a_day_is_as_long_as_the_clocks_make_it(month: int, day: int, hours: int) -> None:
    found = day_of(a_rule(timezone="Europe/Berlin"), datetime(2026, month, day, 12, tzinfo=UTC))
    assert (found.until.astimezone(UTC) - found.since.astimezone(UTC)) / HOUR == hours


def test_a_run_before_the_clocks_go_back_counts_for_the_repeated_hour() -> None:
    rule = a_rule(hours="02:00-03:00", timezone="Europe/Berlin", at_most_per_day=1)
    first = datetime(2026, 10, 25, 2, tzinfo=BERLIN)
    again = first.replace(fold=1).astimezone(UTC)
    assert decide_alone(rule, history(at=first.astimezone(UTC)), first) == (
        True,
        "its days and hours match, and it ran 0 of 1 times that day",
    )
    assert decide_alone(rule, history(a_run(first.astimezone(UTC)), at=again), again) == (
        False,
        "it ran 1 times that day, and may 1",
    )


def test_a_day_of_hours_past_midnight_goes_from_their_beginning_to_the_next() -> None:
    rule = a_rule(hours="22:00-02:00", at_most_per_day=1)
    evening = datetime(2026, 11, 23, 22, tzinfo=UTC)
    ran = a_run(evening)
    assert not decide_alone(rule, history(ran, at=evening + 3 * HOUR), evening + 3 * HOUR)[0]
    assert decide_alone(rule, history(ran, at=evening + 24 * HOUR), evening + 24 * HOUR)[0]


TODAY = MONDAY - 3 * HOUR
DAY = {
    "nothing ran": ({"at_most_per_day": 1}, (), True, "it ran 0 of 1 times that day"),
    "it ran as often as it may": ({"at_most_per_day": 1}, (a_run(TODAY),), False, "it ran 1 times that day, and may 1"),
    "it may once more": ({"at_most_per_day": 2}, (a_run(TODAY),), True, "it ran 1 of 2 times"),
    "it ran yesterday": ({"at_most_per_day": 1}, (a_run(TODAY - 24 * HOUR),), True, "ran 0 of 1"),
    "a failure counts": ({"at_most_per_day": 1}, (a_run(TODAY, Outcome.FAILED),), False, "ran 1 times"),
    "a skipped one does not": ({"at_most_per_day": 1}, (a_run(TODAY, Outcome.SKIPPED_OVERLAP),), True, "ran 0 of 1"),
    "a missed one does not": ({"at_most_per_day": 1}, (a_run(TODAY, Outcome.MISSED),), True, "ran 0 of 1"),
    "one called off does not": (
        {"at_most_per_day": 1},
        (a_run(TODAY, Outcome.STOPPED, began=False),),
        True,
        "ran 0 of 1",
    ),
    "one stopped at work does": ({"at_most_per_day": 1}, (a_run(TODAY, Outcome.STOPPED),), False, "ran 1 times"),
    "it succeeded": ({"until_succeeded": True}, (a_run(TODAY),), False, "it succeeded already that day, at 07:20 UTC"),
    "nothing had changed": ({"until_succeeded": True}, (a_run(TODAY, Outcome.NO_CHANGE),), False, "it succeeded"),
    "it failed": (
        {"until_succeeded": True},
        (a_run(TODAY, Outcome.FAILED),),
        True,
        "it ran 1 times that day without success",
    ),
    "it succeeded yesterday": ({"until_succeeded": True}, (a_run(TODAY - 24 * HOUR),), True, "ran 0 times"),
    "it is at work": ({}, (a_run(MONDAY - HOUR, None),), False, "a run of it, due at 09:00 UTC, is not over"),
    "its own slot is now": ({}, (a_run(MONDAY, None, began=False),), False, "due at 10:00 UTC, is not over"),
    "its own slot is to come": ({"at_most_per_day": 1}, (a_run(MONDAY + HOUR, None, began=False),), True, "ran 0 of 1"),
}


@pytest.mark.parametrize("case", DAY)
def test_what_the_day_brought_decides_whether_a_rule_matches(case: str) -> None:
    given, runs, matches, reason = DAY[case]
    found = decide_alone(a_rule(**given), history(*runs))
    assert (found[0], reason in found[1]) == (matches, True), found[1]


def test_a_session_that_waits_after_errors_is_passed_over_until_the_wait_is_over() -> None:
    failed = a_run(MONDAY - HOUR, Outcome.FAILED, minutes=50)
    waiting = history(failed, delays=[3600])
    assert decide_alone(a_rule(), waiting) == (
        False,
        "it waits after errors until 10:50 UTC, and then makes an attempt itself",
    )
    later = MONDAY + HOUR
    assert decide_alone(a_rule(), history(failed, at=later, delays=[3600]), later)[0]


def test_a_suspended_session_is_passed_over() -> None:
    found = decide_alone(a_rule(), history(suspended=True))
    assert found == (False, "the session is suspended; `sessions resume trader` ends that")


def three_rules() -> list[DispatchRule]:
    return [a_rule(session="a", at_most_per_day=1), a_rule(session="b", until_succeeded=True), a_rule(session="c")]


def verdicts(decision: Decision) -> list[str]:
    return [item.verdict for item in decision.judgements]


def test_the_first_rule_that_matches_wins_and_the_others_are_told_so() -> None:
    decision = decide(three_rules(), MONDAY, {name: history() for name in "abc"})
    assert (decision.session, verdicts(decision)) == ("a", ["chosen", "behind", "behind"])
    assert decision.judgements[1].reason == "it would match, but rule 1 comes first"


def test_a_rule_that_had_its_day_leaves_the_turn_to_the_next() -> None:
    decision = decide(three_rules(), MONDAY, {"a": history(a_run(TODAY)), "b": history(), "c": history()})
    assert (decision.session, verdicts(decision)) == ("b", ["no_match", "chosen", "behind"])


def test_a_session_at_work_leaves_the_turn_to_the_next() -> None:
    at_work = history(a_run(MONDAY - HOUR, None))
    assert decide(three_rules(), MONDAY, {"a": at_work, "b": at_work, "c": history()}).session == "c"


def test_it_is_nobodys_turn_where_no_rule_matches() -> None:
    decision = decide([a_rule(days=["sunday"])], MONDAY, {"trader": history()})
    assert (decision.session, decision.chosen, verdicts(decision)) == (None, None, ["no_match"])


def test_a_session_that_is_not_deployed_is_told_and_the_next_rule_has_its_turn() -> None:
    histories = {"a": SessionHistory(deployed=False), "b": history(), "c": history()}
    decision = decide(three_rules(), MONDAY, histories)
    assert (decision.session, verdicts(decision)) == ("b", ["broken", "chosen", "behind"])
    assert [item.reason for item in decision.broken] == [NOT_DEPLOYED]


def test_all_sessions_together_have_a_day_too() -> None:
    histories = {"a": history(a_run(TODAY)), "b": history(a_run(TODAY, Outcome.FAILED)), "c": history()}
    assert decide(three_rules(), MONDAY, histories, sessions_per_day=3).session == "b"
    decision = decide(three_rules(), MONDAY, histories, sessions_per_day=2)
    assert decision.session is None
    assert "all sessions together ran 2 times that day, and may 2" in decision.judgements[2].reason


def test_two_rules_of_one_session_count_its_runs_once() -> None:
    rules = [a_rule(at_most_per_day=1), a_rule()]
    decision = decide(rules, MONDAY, {"trader": history(a_run(TODAY))}, sessions_per_day=2)
    assert verdicts(decision) == ["no_match", "chosen"]


def test_without_the_days_runs_it_goes_by_the_calendar_and_says_what_may_change_it() -> None:
    decision = decide([a_rule(at_most_per_day=2, until_succeeded=True)], MONDAY, None)
    assert (decision.session, decision.calendar_only) == ("trader", True)
    assert decision.judgements[0].reason == (
        "its days and hours match, unless it ran 2 times already or it succeeded already that day"
    )


def test_a_past_moment_is_judged_by_the_runs_as_they_were_then() -> None:
    rows = [a_run(MONDAY - HOUR, minutes=90), a_run(MONDAY + HOUR)]
    then = history_at(rows, at=MONDAY, now=MONDAY + 24 * HOUR, delays=[])
    assert then.at_work_since == MONDAY - HOUR
    assert [run.outcome for run in then.runs] == [None]


def test_nobody_knows_what_is_at_work_at_a_moment_to_come() -> None:
    known = history_at([a_run(MONDAY - HOUR, None)], at=MONDAY + HOUR, now=MONDAY, delays=[])
    assert known.at_work_since is None
    assert not decide_alone(a_rule(at_most_per_day=1), known, MONDAY + HOUR)[0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"hours": "9:30-16:00"}, "are no hours"),
        ({"hours": "10:00"}, "are no hours"),
        ({"hours": "10:00-25:00"}, "are no hours"),
        ({"hours": "24:00-02:00"}, "are no hours"),
        ({"hours": "10:00-10:00"}, "begin when they end"),
        ({"days": ["mon"]}, "monday"),
        ({"timezone": "Europe/Berlim"}, "did you mean Europe/Berlin?"),
        ({"at_most_per_day": -1}, "greater than or equal to 0"),
        ({"session": "Not A Name"}, "pattern"),
        ({"model": "x"}, "Extra inputs"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_rule_that_means_nothing_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("?", r"\?")):
        a_rule(**given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "trader: every day (UTC)"),
        ({"days": ["weekdays", "weekend"]}, "trader: every day (UTC)"),
        (
            {
                "days": ["monday", "friday"],
                "hours": "09:30-16:00",
                "timezone": "America/New_York",
                "at_most_per_day": 3,
            },
            "trader: Monday, Friday 09:30-16:00 (America/New_York), at most 3 a day",
        ),
        ({"until_succeeded": True}, "trader: every day (UTC), until it succeeded once that day"),
    ],
)
def test_a_rule_reads_as_words(given: dict[str, object], words: str) -> None:
    assert describe_rule(a_rule(**given)) == words
