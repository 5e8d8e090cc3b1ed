"""The hook for Claude Code, by itself and under the real CLI."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hooks.pre_tool_use import ToolEvent, answer_event
from sessions.offline import Script, open_offline_model
from sessions.offline.running import OfflineModel
from sessions.runners.claude_launch import find_cli
from sessions.settings import Settings
from tests.fakes.scripts import calls, says, script

ROOT = Path(__file__).parents[1]
COMMAND = f"{shlex.quote(sys.executable)} -m hooks.pre_tool_use"
EVENTS = ("PreToolUse", "PostToolUse", "PostToolUseFailure")
LIMITS = {"SESSIONS_LOOP_WARN_AFTER": "2", "SESSIONS_LOOP_STOP_AFTER": "3"}
NOW = 1_800_000_000.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def event(number: int, kind: str = "PostToolUse", **more: object) -> ToolEvent:
    call = {"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": f"t{number}", "session_id": "s"}
    return ToolEvent.model_validate({"hook_event_name": kind, **call, **more})


def answers(events: Iterator[ToolEvent], settings: Settings) -> list[str]:
    """What was said to each event, as Claude Code reads it."""
    said = [answer_event(item, settings, now=NOW) for item in events]
    return [answer.model_dump_json(by_alias=True, exclude_none=True) if answer else "" for answer in said]


def test_calls_and_results_are_counted_together_once(settings: Settings) -> None:
    both = ((event(n, "PreToolUse"), event(n, tool_response="a")) for n in range(20))
    said = answers((item for pair in both for item in pair), settings)
    assert [number for number, text in enumerate(said, start=1) if text] == [10, 20, 30, 40]
    assert json.loads(said[9])["hookSpecificOutput"]["hookEventName"] == "PostToolUse"
    assert "Bash(ls) was called 5 times" in json.loads(said[9])["hookSpecificOutput"]["additionalContext"]
    assert json.loads(said[39])["continue"] is False
    assert "Bash(ls) was called 20 times" in json.loads(said[39])["stopReason"]


def test_registered_for_calls_alone_it_denies_the_last_one(settings: Settings) -> None:
    last = json.loads(answers((event(n, "PreToolUse") for n in range(20)), settings)[-1])
    assert last["continue"] is False
    assert last["hookSpecificOutput"]["permissionDecision"] == "deny"


def test_a_call_whose_result_differs_is_no_circle(settings: Settings) -> None:
    assert not any(answers((event(n, tool_response=f"line {n}") for n in range(30)), settings))


def test_how_long_a_call_took_is_no_result(settings: Settings) -> None:
    said = answers((event(n, tool_response={"files": ["a"], "durationMs": n}) for n in range(5)), settings)
    assert said[-1]


def test_results_that_come_in_another_order_than_the_calls_count(settings: Settings) -> None:
    made = [event(n, "PreToolUse") for n in range(5)]
    done = [event(n, tool_response="a") for n in (1, 0, 3, 2, 4)]
    assert "5 times" in answers(iter([*made, *done]), settings)[-1]


def test_errors_of_the_same_kind_are_counted(settings: Settings) -> None:
    failing = (
        event(n, "PostToolUseFailure", tool_input={"command": f"ls {n}"}, error="Exit code 1\nno such disk")
        for n in range(5)
    )
    assert "Bash failed 5 times with the same error: no such disk" in answers(failing, settings)[-1]


def test_after_a_stop_only_a_person_can_go_on(settings: Settings) -> None:
    answers((event(n, tool_response="a", prompt_id="first") for n in range(20)), settings)
    again = json.loads(answers(iter([event(21, "PreToolUse", prompt_id="first")]), settings)[0])
    assert again["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert answers(iter([event(22, "PreToolUse", prompt_id="second")]), settings) == [""]


def test_sessions_and_agents_of_an_agent_are_counted_apart(settings: Settings) -> None:
    others = [{"session_id": "s1"}, {"session_id": "s2"}, {"agent_id": "a1"}]
    events = (event(n, tool_response="a", **other) for n in range(4) for other in others)
    assert not any(answers(events, settings))


def test_what_is_kept_of_a_call_is_for_its_owner_and_for_a_week(settings: Settings) -> None:
    answer_event(event(1, session_id="old"), settings, now=NOW)
    (folder,) = settings.home.iterdir()
    os.utime(folder / "old.jsonl", (NOW - 8 * 24 * 3600,) * 2)
    answer_event(event(1, session_id="new"), settings, now=NOW)
    assert [path.name for path in folder.iterdir()] == ["new.jsonl"]
    assert folder.stat().st_mode & 0o077 == 0


def test_a_torn_line_is_left_out(settings: Settings) -> None:
    answers((event(n, tool_response="a") for n in range(3)), settings)
    with (settings.home / "hooks" / "s.jsonl").open("a") as file:
        file.write('{"tool_use_id": "t\n')
    assert "5 times" in answers((event(n, tool_response="a") for n in (3, 4)), settings)[-1]


def run_hook(said: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "SESSIONS_HOME": str(home), "HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-m", "hooks.pre_tool_use"],
        input=said,
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("no JSON", "this is not the event of a tool call: standard input: Invalid JSON"),
        ('{"hook_event_name": "Stop"}', "this is not the event of a tool call: hook_event_name: Input should be"),
        (event(1).model_copy(update={"session_id": "../x"}).model_dump_json(), "session_id: String should match"),
    ],
)
def test_what_is_no_tool_call_is_a_sentence_that_blocks_nothing(said: str, complaint: str, tmp_path: Path) -> None:
    done = run_hook(said, tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("loop guard: ")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_home_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "hooks").write_text("in the way")
    done = run_hook(event(1).model_dump_json(), tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def drive_cli(rules: Script, folder: Path, *, events: tuple[str, ...]) -> tuple[dict[str, Any], OfflineModel]:
    """What the real CLI says at the end, with the hook in its settings as a person has it, and the model it asked."""
    hook = [{"hooks": [{"type": "command", "command": COMMAND}]}]
    (folder / "settings.json").write_text(json.dumps({"hooks": dict.fromkeys(events, hook)}))
    arguments = ["-p", "Look around.", "--output-format", "json", "--allowedTools", "Bash", "--settings"]
    with open_offline_model(rules) as model:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "SESSIONS_HOME": str(folder / "state"),
            "ANTHROPIC_BASE_URL": model.base_url,
            "ANTHROPIC_API_KEY": "sk-test",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            **LIMITS,
        }
        done = subprocess.run(
            [str(find_cli()), *arguments, str(folder / "settings.json")],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
    return json.loads(done.stdout), model


# After a call that failed Claude Code goes on whatever the hook says, so the next call is where it ends.
@pytest.mark.parametrize(("command", "answers_given"), [("echo x", 3), ("exit 3", 4)])
def test_claude_code_hears_the_warning_and_ends_its_turn(command: str, answers_given: int, tmp_path: Path) -> None:
    end, model = drive_cli(script(calls("Bash", command=command)), tmp_path, events=EVENTS)
    asked = [str(request.body["messages"][-1]) for request in model.requests if request.body.get("tools")]
    assert ["You are going in circles" in message for message in asked[:3]] == [False, False, True]
    assert (end["terminal_reason"], len(asked)) == ("hook_stopped", answers_given)


def test_claude_code_does_not_make_the_denied_call(tmp_path: Path) -> None:
    counting = calls("Bash", command="echo x >> made; wc -l < made")
    drive_cli(script(counting), tmp_path, events=("PreToolUse",))
    assert (tmp_path / "made").read_text().count("x") == 2


def test_claude_code_works_undisturbed_where_nothing_repeats(tmp_path: Path) -> None:
    looks = [calls("Bash", command=f"echo {number}") for number in range(2)]
    end, model = drive_cli(script(*looks, says("done")), tmp_path, events=EVENTS)
    assert end["result"] == "done"
    assert "circles" not in str([request.body for request in model.requests])
