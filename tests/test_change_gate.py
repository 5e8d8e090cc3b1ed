"""What a change gate sees, and when that is nothing new."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sessions.change_gate import look, mark_asked, unchanged
from sessions.errors import ChangeGateError
from sessions.outcome import Outcome
from sessions.run_folder import RunFolder
from sessions.run_record import ChangeMark
from sessions.settings import Settings
from sessions.spec import SessionSpec
from tests.fakes.chat_servers import free_port_that_refuses
from tests.fakes.driving import is_running
from tests.fakes.pages import Pages, open_pages
from tests.fakes.records import a_record

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MARK = ChangeMark(asked="a", seen="b")


def a_run(tmp_path: Path, gate: str) -> RunFolder:
    record = a_record(spec=SessionSpec(prompt="Look.", change_gate=gate))
    return RunFolder(tmp_path, record)


def see(tmp_path: Path, gate: str, **environment: str) -> str:
    return asyncio.run(look(a_run(tmp_path, gate), [], Settings(home=tmp_path), environment))


@pytest.fixture
def pages() -> Iterator[Pages]:
    with open_pages() as opened:
        yield opened


def test_the_same_mark_as_that_of_the_last_completed_run_is_no_change_and_names_it() -> None:
    skip = unchanged(MARK, str(MARK), gate="git log -1", completed=NOON)
    assert skip is not None
    assert skip.outcome is Outcome.NO_CHANGE
    assert skip.reason == (
        "nothing has changed since the run of 2026-11-20 12:00 UTC: change_gate, the output of `git log -1`"
    )


@pytest.mark.parametrize("before", ["", "a-c", "c-b"])
def test_another_mark_or_none_lets_the_run_begin(before: str) -> None:
    assert unchanged(MARK, before, gate="git log -1", completed=NOON) is None


def test_without_a_completed_run_there_is_nothing_to_compare_with() -> None:
    assert unchanged(MARK, str(MARK), gate="git log -1", completed=None) is None


def test_what_an_agent_is_asked_counts_and_where_its_report_goes_does_not() -> None:
    spec = SessionSpec(prompt="Look.")
    same = spec.model_copy(update={"keep_failed": 9, "delivery": [{"channel": "file", "to": "x"}], "runs_per_day": 3})
    asked = mark_asked(spec, "Look.", "claude-sonnet-4-5")
    assert mark_asked(same, "Look.", "claude-sonnet-4-5") == asked
    others = [
        mark_asked(spec, "Look again.", "claude-sonnet-4-5"),
        mark_asked(spec, "Look.", "claude-haiku-4-5"),
        mark_asked(spec.model_copy(update={"max_tokens": 5}), "Look.", "claude-sonnet-4-5"),
    ]
    assert asked not in others


def test_a_command_is_seen_by_its_output(tmp_path: Path) -> None:
    assert see(tmp_path, "echo one") == see(tmp_path, "echo one")
    assert see(tmp_path, "echo one") != see(tmp_path, "echo two")


def test_a_long_output_is_seen_to_its_middle(tmp_path: Path) -> None:
    long = "head -c 200000 /dev/zero | tr '\\0' x; echo {}; head -c 200000 /dev/zero | tr '\\0' x"
    assert see(tmp_path, long.format("here")) != see(tmp_path, long.format("gone"))


def test_a_command_starts_where_the_agent_would_and_sees_no_more_of_the_environment(tmp_path: Path) -> None:
    gate = 'test "$(basename "$PWD")" = workspace && test -z "$SLACK_WEBHOOK_URL" && test -n "$LANG"'
    see(tmp_path, gate, SLACK_WEBHOOK_URL="https://hooks.example.org/x", LANG="C")
    with pytest.raises(ChangeGateError, match="ended with 1"):
        see(tmp_path, gate, SLACK_WEBHOOK_URL="https://hooks.example.org/x")


def test_a_command_leaves_nothing_running(tmp_path: Path) -> None:
    see(tmp_path, "(setsid sleep 300 >/dev/null 2>&1 & echo $! > pid)")
    pid = int((tmp_path / "workspace" / "pid").read_text())
    assert not is_running(pid)


def test_a_command_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(ChangeGateError, match=r"`echo no such list >&2; exit 3` ended with 3: no such list"):
        see(tmp_path, "echo no such list >&2; exit 3")


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.change_gate.COMMAND_SECONDS", 0.2)
    with pytest.raises(ChangeGateError, match=r"was not done after 0.2 s"):
        see(tmp_path, "sleep 30")


def test_an_address_is_seen_by_its_answer(tmp_path: Path, pages: Pages) -> None:
    pages.texts["/feed"] = "one"
    first, second = see(tmp_path, pages.url("/feed")), see(tmp_path, pages.url("/feed"))
    pages.texts["/feed"] = "two"
    assert (first == second, first == see(tmp_path, pages.url("/feed"))) == (True, False)


def test_an_address_that_refuses_is_told_without_its_path(tmp_path: Path, pages: Pages) -> None:
    with pytest.raises(ChangeGateError, match=r"change_gate: 127\.0\.0\.1:\d+ answered 404") as caught:
        see(tmp_path, pages.url("/secret-feed"))
    assert "secret-feed" not in str(caught.value)


def test_an_address_where_nobody_answers_is_told(tmp_path: Path) -> None:
    with pytest.raises(ChangeGateError, match=r"127\.0\.0\.1:\d+ cannot be read"):
        see(tmp_path, f"http://127.0.0.1:{free_port_that_refuses()}/feed")
