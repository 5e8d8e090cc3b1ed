"""What `sessions memory` and `sessions preview` say of a time that is over."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from sessions.memory_ids import NotInMemoryError
from tests.deployments.definition_files import write_definition_file, write_repository
from tests.fakes.memories import BELIEF, PORT, THREAD

NOON = "2026-03-01T12:00"
pytestmark = pytest.mark.usefixtures("memory")


def said(*words: str) -> str:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize(
    ("id_", "now", "then"),
    [(PORT, "faded", "active"), (BELIEF, "faded", "held, confidence 0."), (THREAD, "closed", "open, to discuss")],
)
def test_a_thing_is_shown_as_it_was(id_: str, now: str, then: str) -> None:
    words = ("thread", "close") if id_ == THREAD else ("fade",)
    said("memory", *words, id_, "--reason", "It is over.")
    assert f"{id_} of agent main: {now}" in said("memory", "show", id_)
    assert f"{id_} of agent main: {then}" in said("memory", "show", id_, "--as-of", NOON)


def test_a_history_ends_at_the_moment() -> None:
    said("memory", "fade", PORT, "--reason", "It is over.")
    assert len(json.loads(said("memory", "history", PORT, "--json"))) == 2
    assert len(json.loads(said("memory", "history", PORT, "--as-of", NOON, "--json"))) == 1


def test_what_was_not_known_yet_is_no_id_then() -> None:
    refused = CliRunner().invoke(app, ["memory", "show", PORT, "--as-of", "2026-02-28T12:00"])
    assert isinstance(refused.exception, NotInMemoryError)


def test_a_preview_shows_what_a_run_would_have_been_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_repository(tmp_path / "repository")
    monkeypatch.chdir(root)
    write_definition_file(root)
    said("memory", "fade", BELIEF, "--reason", "It changed.")
    now, then = (json.loads(said("preview", "nightly", "--json", *at)) for at in ((), ("--as-of", NOON)))
    assert "It changed." in now["context"]
    assert "It changed." not in then["context"]
    assert "Ports never change." in then["context"]
    assert then["next_runs"][0].startswith("2026-03-02T02:00")
