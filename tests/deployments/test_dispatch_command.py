"""`sessions dispatch`, as a person uses it where no server is up."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from sessions.errors import SessionError, SpecError
from tests.deployments.definition_files import write_definition_file, write_repository
from tests.deployments.test_check_dispatch import GOOD

MONDAY = "2026-11-23T10:00Z"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    # Nobody listens there.
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("PREFECT_CLIENT_MAX_RETRIES", "0")
    monkeypatch.setenv("SESSIONS_HOME", str(tmp_path / "home"))
    write_definition_file(write_repository(tmp_path))
    write_definition_file(tmp_path, GOOD, "turns.yaml")
    return tmp_path


def printed(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["dispatch", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_each_rule_is_explained_and_the_missing_server_said() -> None:
    lines = printed("--explain", "--at", MONDAY).splitlines()
    assert lines == [
        "turns at 2026-11-23 10:00 UTC: nightly (agent main)",
        "→ 1. nightly: Monday, Friday 09:30-16:00 (Europe/Berlin), at most 1 a day",
        "     starts it: its days and hours match, unless it ran 1 times already that day",
        "· 2. nightly: every day (UTC), until it succeeded once that day",
        "     no: it would match, but rule 1 comes first",
        "Note: no Prefect server answers: this goes by the calendar alone, without the runs of the day",
    ]


def test_a_program_is_told_the_same() -> None:
    told = json.loads(printed("turns", "--explain", "--at", "2026-11-24T10:30:00+01:00", "--json"))
    decision = told["decision"]
    assert (told["dispatch"], told["agent"], decision["session"]) == ("turns", "main", "nightly")
    assert [item["verdict"] for item in decision["judgements"]] == ["no_match", "chosen"]
    assert decision["calendar_only"]
    assert told["notes"][1] == "no slot of turns is at this moment; the next is at 2026-11-24 10:00 UTC"


def test_without_a_moment_it_explains_the_present() -> None:
    assert printed("--explain").startswith("turns at ")


@pytest.mark.parametrize("argv", [("--at", MONDAY), ("--explain", "--wait")])
def test_options_that_would_do_nothing_are_refused(argv: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, ["dispatch", *argv]).exit_code == 2


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--explain", "--at", "monday"), "'monday' is not a date and time"),
        (("others", "--explain"), "there is no such dispatch; defined in deployments/ are: turns"),
        ((), "start one with `sessions up`, or set PREFECT_API_URL"),
    ],
    ids=["no-moment", "unknown-dispatch", "no-server"],
)
def test_what_cannot_be_done_is_said_in_a_sentence(argv: tuple[str, ...], said: str) -> None:
    error = CliRunner().invoke(app, ["dispatch", *argv]).exception
    assert isinstance(error, SessionError)
    assert said in str(error)


def test_a_wrong_definition_is_named_with_its_line(root: Path) -> None:
    write_definition_file(root, GOOD.replace("monday", "mon"), "turns.yaml")
    error = CliRunner().invoke(app, ["dispatch", "--explain"]).exception
    assert isinstance(error, SpecError)
    assert "turns.yaml:12: parameters.rules[0].days[0]: 'mon' is not one of 'monday'" in str(error)
