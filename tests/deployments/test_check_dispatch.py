"""A dispatch's definition is checked like a session's, before anything is deployed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployments.check import check_files, check_text
from deployments.checked import load_all
from deployments.definitions import find_definitions
from deployments.dispatching import find_defined
from deployments.preview import find_definition
from deployments.problems import Problem
from deployments.standing import find_standing
from sessions.errors import SpecError
from sessions.settings import Settings
from tests.deployments.definition_files import changed, write_definition_file, write_repository

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
REPOSITORY = Path(__file__).resolve().parents[2]
GOOD = """\
deployments:
  - name: turns
    entrypoint: flows/dispatch.py:dispatch
    schedules:
      - {cron: "0 * * * *", timezone: UTC, slug: "hourly", active: false}
    concurrency_limit: {limit: 1, collision_strategy: CANCEL_NEW}
    work_pool: {name: sessions}
    parameters:
      sessions_per_day: 3
      rules:
        - session: nightly
          days: [monday, friday]
          hours: "09:30-16:00"
          timezone: Europe/Berlin
          at_most_per_day: 1
        - {session: nightly, until_succeeded: true}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_definition_file(write_repository(tmp_path))
    return tmp_path


def check(root: Path, text: str) -> list[Problem]:
    path = write_definition_file(root, text, "turns.yaml")
    return check_files([path], Settings(), root=root, now=NOW)


def test_a_good_dispatch_has_no_problem(root: Path) -> None:
    assert check(root, GOOD) == []
    assert check_text(GOOD, root / "deployments" / "turns.yaml", Settings(), root=root, now=NOW) == []


WRONG = {
    "session that is not defined": (
        "- session: nightly",
        "- session: nigthly",
        "parameters.rules[0].session",
        "there is no session 'nigthly' in the definitions; did you mean nightly?",
    ),
    "session that is the dispatch": (
        "- session: nightly",
        "- session: turns",
        "parameters.rules[0].session",
        "no session",
    ),
    "session that is missing": (
        "{session: nightly, until",
        "{until",
        "parameters.rules[1].session",
        "is missing",
    ),
    "day that is none": ("monday, friday", "monday, frday", "parameters.rules[0].days[1]", "is not one of 'monday'"),
    "days that are no list": ("[monday, friday]", "monday", "parameters.rules[0].days", "not a list"),
    "hours that are none": ('"09:30-16:00"', '"9-16"', "parameters.rules[0].hours", "write them as"),
    "hours that YAML makes a number": ('"09:30-16:00"', "10:30", "parameters.rules[0].hours", "must be a text"),
    "hours without length": ('"09:30-16:00"', '"09:30-09:30"', "parameters.rules[0].hours", "begin when they end"),
    "unknown zone": ("Europe/Berlin", "Europe/Berlim", "parameters.rules[0].timezone", "did you mean Europe/Berlin?"),
    "count that is negative": ("day: 1", "day: -1", "parameters.rules[0].at_most_per_day", "it takes 0 or more"),
    "count that is a text": ("day: 1", 'day: "1"', "parameters.rules[0].at_most_per_day", "without quotes"),
    "yes that is a text": ("true}", '"yes"}', "parameters.rules[1].until_succeeded", "write true or false"),
    "unknown field": ("timezone: Eur", "zone: Eur", "parameters.rules[0].zone", "did you mean timezone?"),
    "unknown parameter": (
        "sessions_per_day",
        "session_per_day",
        "parameters.session_per_day",
        "did you mean sessions_",
    ),
    "parameter of a session": ("sessions_per_day: 3", "model: x", "parameters.model", "is not known"),
    "no rules": (
        "rules:\n        - session: nightly",
        "x:\n        - session: nightly",
        "parameters.rules",
        "is missing",
    ),
    "placeholder": ("- session: nightly", '- session: "{{ x }}"', "parameters.rules[0].session", ""),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_rule_is_named_with_its_line_and_what_would_be_right(root: Path, case: str) -> None:
    old, new, field, said = WRONG[case]
    problems = check(root, changed(old, new, GOOD))
    found = next(problem for problem in problems if problem.field == field)
    assert (said in found.message, found.severity) == (True, "error"), found
    if case != "no rules" and "missing" not in case:
        assert found.line == 1 + changed(old, new, GOOD).split(new.splitlines()[0])[0].count("\n")


def test_no_rule_at_all_is_refused(root: Path) -> None:
    (problem,) = check(root, GOOD.partition("      rules:")[0] + "      rules: []\n")
    assert (problem.field, "write at least `- session: NAME`" in problem.message) == ("parameters.rules", True)


def test_a_rule_that_none_of_the_slots_can_meet_is_warned_of(root: Path) -> None:
    (problem,) = check(root, changed('"0 * * * *"', '"0 20 * * *"', GOOD))
    assert (problem.field, problem.severity) == ("parameters.rules[0]", "warning")
    assert problem.message == "no slot of the dispatch in the next 8 days is in its days and hours"


def test_a_rule_behind_one_that_matches_always_is_warned_of(root: Path) -> None:
    (problem,) = check(root, f"{GOOD.replace(', until_succeeded: true', '')}        - session: nightly\n")
    assert (problem.field, problem.severity) == ("parameters.rules[2]", "warning")
    assert problem.message == "comes after rule 2, which matches always unless its session is at work; move it up"


def test_rules_for_one_schedule_alone_are_checked_too(root: Path) -> None:
    own = changed("active: false", "active: false, parameters: {sessions_per_day: -1}", GOOD)
    (problem,) = check(root, own)
    assert problem.field == "schedules[0].parameters.sessions_per_day"


def test_no_session_command_takes_a_dispatch_for_a_session(root: Path) -> None:
    file = write_definition_file(root, GOOD, "turns.yaml")
    assert find_standing("turns", root) is None
    with pytest.raises(SpecError, match="there is no definition 'turns'; defined are: nightly"):
        find_definition("turns", root, Settings())
    with pytest.raises(SpecError, match="holds no session; `sessions dispatch --explain`"):
        find_definition(str(file), root, Settings())


def test_the_only_dispatch_needs_no_name_and_several_do(root: Path) -> None:
    with pytest.raises(SpecError, match="name one dispatch; defined in deployments/ are: none"):
        find_defined("", root, Settings())
    write_definition_file(root, GOOD, "turns.yaml")
    assert find_defined("", root, Settings()).agents == {"nightly": "main"}
    write_definition_file(root, changed("turns", "others", GOOD), "others.yaml")
    with pytest.raises(SpecError, match="name one dispatch; defined in deployments/ are: others, turns"):
        find_defined("", root, Settings())
    assert find_defined("others", root, Settings()).definition.name == "others"
    with pytest.raises(SpecError, match="there is no such dispatch"):
        find_defined("nobody", root, Settings())


def test_the_shipped_dispatch_is_in_order_and_begins_suspended() -> None:
    assert check_files(find_definitions(REPOSITORY), Settings(), root=REPOSITORY, now=NOW) == []
    shipped = next(item for item in load_all(REPOSITORY, Settings()) if item.name == "dispatch")
    assert [entry.active for entry in shipped.schedules] == [False]
