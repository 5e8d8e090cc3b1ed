"""What `sessions preview` says of a schedule."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from deployments.preview import find_definition, preview_session
from sessions.errors import SpecError
from sessions.runners.tools import SAFE_TOOLS
from sessions.settings import Settings
from tests.deployments.definition_files import changed, write_definition_file, write_repository

SCHEDULE = '{cron: "0 2 * * *", timezone: Europe/Berlin, slug: "nightly"}'
NOW = datetime(2027, 3, 27, 8, 0, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_repository(tmp_path)


def test_the_next_times_are_right_across_a_change_of_the_clocks_which_is_said(root: Path) -> None:
    write_definition_file(root)
    seen = preview_session(find_definition("nightly", root, Settings()), root=root, settings=Settings(), now=NOW)
    assert seen.schedules == ["At 02:00 (Europe/Berlin)"]
    skipped, *others = [f"{time:%m-%d %H:%M %Z}" for time in seen.next_runs]
    # By the version of Python that the server runs on (ADR 0019).
    assert skipped in ("03-28 01:00 CET", "03-28 03:00 CEST")
    assert others == ["03-29 02:00 CEST", "03-30 02:00 CEST"]
    forward, back, *_ = seen.clock_changes
    assert "2027-03-28 02:00 does not exist in Europe/Berlin" in forward
    assert f"due at {skipped.removeprefix('03-28 ')} instead" in forward
    assert "2027-10-31 02:00 comes twice in Europe/Berlin" in back


EVERY_SIX_HOURS = '{interval: PT6H, anchor_date: "2027-03-27T03:00:00Z", slug: "six-hourly"}'


def test_an_interval_is_counted_from_its_anchor_and_not_from_the_preview(root: Path) -> None:
    write_definition_file(root, changed(SCHEDULE, EVERY_SIX_HOURS))
    seen = preview_session(find_definition("nightly", root, Settings()), root=root, settings=Settings(), now=NOW)
    assert [f"{time:%H:%M %Z}" for time in seen.next_runs] == ["09:00 UTC", "15:00 UTC", "21:00 UTC"]


def test_an_interval_without_an_anchor_has_no_preview_since_nobody_knows_when_it_will_be_deployed(root: Path) -> None:
    write_definition_file(root, changed(SCHEDULE, '{interval: PT6H, slug: "six-hourly"}'))
    with pytest.raises(SpecError, match="has no moment to be counted from; add anchor_date"):
        find_definition("nightly", root, Settings())


def test_a_schedule_that_begins_suspended_is_named_as_such_and_has_no_next_times(root: Path) -> None:
    both = f"{EVERY_SIX_HOURS}\n      - {SCHEDULE.replace('{', '{active: false, ')}"
    write_definition_file(root, changed(SCHEDULE, both))
    seen = preview_session(find_definition("nightly", root, Settings()), root=root, settings=Settings(), now=NOW)
    assert seen.schedules[1] == "At 02:00 (Europe/Berlin), begins suspended"
    assert [f"{time:%H:%M %Z}" for time in seen.next_runs] == ["09:00 UTC", "15:00 UTC", "21:00 UTC"]
    assert seen.clock_changes == []


def test_the_command_prints_it(root: Path) -> None:
    write_definition_file(root)
    printed = CliRunner().invoke(app, ["preview", "nightly"]).output
    assert sum(line.startswith("clocks    20") for line in printed.splitlines()) in (2, 3)


@pytest.mark.parametrize(
    ("lines", "tools", "less"),
    [
        ("runner: anthropic", [*SAFE_TOOLS, "mcp__memory"], []),
        (
            "allowed_tools: [Read, Bash, mcp__memory__recall]\n      disallowed_tools: ['Bash(rm:*)']",
            ["Read", "Bash", "mcp__memory__recall"],
            ["Bash(rm:*)"],
        ),
        (
            "mcp_servers: {door: {command: x}}\n      allowed_tools: [mcp__memory]",
            ["Read", "Write", "Edit", "Glob", "Grep", "Bash", "mcp__memory", "mcp__door"],
            [],
        ),
    ],
)
def test_the_tools_of_a_session_are_listed(root: Path, lines: str, tools: list[str], less: list[str]) -> None:
    write_definition_file(root, changed("temperature: 0.7", lines))
    seen = preview_session(find_definition("nightly", root, Settings()), root=root, settings=Settings(), now=NOW)
    assert (sorted(seen.tools), seen.not_tools) == (sorted(tools), less)
    printed = CliRunner().invoke(app, ["preview", "nightly"]).output
    assert f"tools     {', '.join(seen.tools)}" in printed
