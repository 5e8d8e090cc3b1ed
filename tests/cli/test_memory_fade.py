"""What a person fades by its name: projects, vitals and journal entries."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.main import app
from sessions.memory.base import Memory
from sessions.memory_ids import NotInMemoryError
from tests.deployments.definition_files import write_definition_file, write_repository
from tests.fakes.changes import a_change
from tests.fakes.memories import LATER, RUN

LONG_AFTER = 10_000_000

pytestmark = pytest.mark.usefixtures("memory")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def said(*words: str) -> str:
    done = run("memory", *words)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize(("name", "kind"), [("gateway", "project"), ("focus", "vital")])
def test_what_has_a_name_is_shown_no_more_until_it_is_set_anew(name: str, kind: str, memory: Memory) -> None:
    assert said("fade", name, "--reason", "It was a mistake.").startswith(f"{kind} {name}: faded (take back: ")
    assert said(f"{kind}s") == "There is none.\n"
    assert said("show", name).startswith(f"{kind} {name} of agent main: faded: It was a mistake.\n")
    assert f"set {kind} {name}: faded (run by-hand-" in said("history", name)
    assert "“It was a mistake.”" in said("history", name)
    field = "status" if kind == "project" else "value"
    memory.apply([a_change(f"set_{kind}", LONG_AFTER, name=name, **{field: "as new"})])
    assert [each["name"] for each in json.loads(said(f"{kind}s", "--json"))] == [name]


def test_the_journal_entry_of_a_run_is_faded_and_what_it_taught_stays(memory: Memory) -> None:
    done = json.loads(said("fade", RUN[:8], "--reason", "It tells of another night.", "--json"))
    assert said("journal") == "There is none.\n"
    assert memory.state(agent="main").projects != {}
    assert "“It tells of another night.”" in said("history", done["run"])


def test_a_faded_vital_reaches_no_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_repository(tmp_path / "repository")
    monkeypatch.chdir(root)
    write_definition_file(root)
    assert "Act on these first" in run("preview", "nightly").stdout
    said("fade", "focus", "--reason", "It was a mistake.")
    assert "Act on these first" not in run("preview", "nightly").stdout


@pytest.mark.parametrize("name", ["gateway", "focus", RUN])
def test_a_fading_is_taken_back_and_what_it_took_is_there_again(name: str, memory: Memory) -> None:
    before = memory.state(agent="main")
    done = json.loads(said("fade", name, "--reason", "It was a mistake.", "--json"))
    assert memory.state(agent="main") != before
    said("revert", "--run", done["run"], "--yes")
    assert memory.state(agent="main") == before


def test_what_is_not_shown_is_not_faded() -> None:
    said("fade", "focus", "--reason", "It was a mistake.")
    again = run("memory", "fade", "focus", "--reason", "Again.")
    assert isinstance(again.exception, NotInMemoryError)
    assert str(again.exception) == "vital focus is not shown; nothing was changed"
    wrote_none = run("memory", "fade", LATER, "--reason", "Wrong.")
    assert "has no journal entry that is shown" in str(wrote_none.exception)
