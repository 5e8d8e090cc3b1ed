"""What commands say of a memory that is not there: a URL may be mistyped, and nothing is made by reading."""

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.main import app
from sessions.errors import MemoryStoreError
from tests.deployments.definition_files import changed, write_definition_file, write_repository


@pytest.fixture(autouse=True)
def mistyped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where SESSIONS_MEMORY_URL points at, and nothing is."""
    path = tmp_path / "typo" / "memory.sqlite3"
    monkeypatch.setenv("SESSIONS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SESSIONS_MEMORY_URL", f"sqlite:///{path}")
    return path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


@pytest.mark.parametrize(
    "words",
    [
        ("search", "doors"),
        ("show", "abc"),
        ("history", "abc"),
        ("threads",),
        ("beliefs",),
        ("journal",),
        ("export", "-"),
        ("reindex",),
        ("revert", "--run", "abc", "--yes"),
        ("release", "abc"),
        ("fade", "abc", "--reason", "wrong"),
        ("thread", "close", "abc", "--reason", "done"),
    ],
)
def test_a_command_that_needs_what_is_known_refuses_and_makes_nothing(words: tuple[str, ...], mistyped: Path) -> None:
    refused = run("memory", *words)
    assert isinstance(refused.exception, MemoryStoreError), refused.output
    assert str(refused.exception) == (
        f"there is no memory at {mistyped}; the first run makes one, or SESSIONS_MEMORY_URL names another place"
    )
    assert not mistyped.parent.exists()


def test_a_first_thread_of_a_person_makes_the_memory(mistyped: Path) -> None:
    assert run("memory", "thread", "open", "Shall the door be green?").exit_code == 0
    assert mistyped.exists()
    assert "Shall the door be green?" in run("memory", "threads", "--json").stdout


@pytest.mark.parametrize("kind", ["agent", "consolidation"])
def test_a_preview_shows_what_an_agent_starts_with_that_knows_nothing(
    kind: str, mistyped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_repository(tmp_path / "repository")
    monkeypatch.chdir(root)
    write_definition_file(root, changed("      max_tokens", f"      kind: {kind}\n      max_tokens"))
    shown = run("preview", "nightly")
    assert shown.exit_code == 0, shown.output
    assert f"memory    none at {mistyped}; the first run makes it" in shown.stdout
    assert not mistyped.parent.exists()
