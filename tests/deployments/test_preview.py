"""What `sessions preview` says of a schedule."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from deployments.preview import find_definition, preview_session
from sessions.settings import Settings
from tests.deployments.definition_files import write_definition_file, write_repository

NOW = datetime(2027, 3, 27, 8, 0, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_repository(tmp_path)


def test_the_next_times_are_right_across_a_change_of_the_clocks_which_is_said(root: Path) -> None:
    write_definition_file(root)
    seen = preview_session(find_definition("nightly", root, Settings()), root=root, settings=Settings(), now=NOW)
    assert seen.schedules == ["At 02:00 (Europe/Berlin)"]
    assert [time.astimezone(UTC).hour for time in seen.next_runs[1:]] == [0, 0]
    forward, back, *_ = seen.clock_changes
    assert "2027-03-28 02:00 does not exist in Europe/Berlin" in forward
    assert "2027-10-31 02:00 comes twice in Europe/Berlin" in back


def test_the_command_prints_it(root: Path) -> None:
    write_definition_file(root)
    printed = CliRunner().invoke(app, ["preview", "nightly"]).output
    assert sum(line.startswith("clocks    20") for line in printed.splitlines()) in (2, 3)
