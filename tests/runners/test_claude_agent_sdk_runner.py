import asyncio
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import claude_agent_sdk
import psutil
import pytest
from claude_agent_sdk import ResultMessage
from claude_agent_sdk.types import ModelUsage

from sessions.errors import RunnerError
from sessions.models import Usage
from sessions.offline import open_offline_model
from sessions.redaction import Redactor
from sessions.runners import open_runner
from sessions.runners.base import Denial, Runner, Stop
from sessions.runners.claude import ClaudeAgentSdkRunner
from sessions.runners.claude_launch import preload
from sessions.runners.claude_transcript import Listener
from sessions.transcript import Transcript
from tests.contracts.limits import LimitsContract
from tests.contracts.runners import RunnerContract
from tests.contracts.session_tools import SessionToolsContract
from tests.fakes.driving import Place, until
from tests.fakes.scripts import calls, says, script

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
NOBODY = 65534
KEY = "sk-test-a-key-that-nobody-else-may-see"


class TestClaudeAgentSdkRunner(RunnerContract, LimitsContract, SessionToolsContract):
    @pytest.fixture
    def runner(self) -> Runner:
        return open_runner("claude-agent-sdk")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "home").mkdir()
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path / "home")}
    return Place(ClaudeAgentSdkRunner(clock=lambda: NOON), tmp_path, environment)


async def test_entries_carry_the_time_of_the_clock(place: Place) -> None:
    driven = await place.drive(script(says("done")))
    assert {entry.at for entry in driven.transcript.entries} == {NOON}


async def test_an_answer_in_several_parts_is_one_text(place: Place) -> None:
    driven = await place.drive(script(says("The door ", stop_reason="max_tokens"), says("is green.")))
    assert (driven.end.stop, driven.end.final_text) == (Stop.FINISHED, "The door is green.")
    assert "note" not in [entry.kind for entry in driven.transcript.entries]


async def test_an_answer_that_is_cut_off_again_and_again_is_kept_with_a_note(place: Place) -> None:
    driven = await place.drive(script(says("bla ", stop_reason="max_tokens")), max_tokens=7)
    assert driven.end.stop is Stop.FINISHED
    assert driven.end.final_text.startswith("bla bla ")
    assert "The answer was cut off at max_tokens=7." in [entry.text for entry in driven.transcript.entries]


async def test_prompt_and_context_are_delivered_as_they_are_written(place: Place) -> None:
    (place.workspace / "door.txt").write_text("a red door")
    prompt = "/help me with @door.txt and\n'quotes'"
    context = "x" * 300_000 + " the end of the context"
    driven = await place.drive(script(says("done")), prompt=prompt, context=context)
    assert driven.asked[0].prompt == prompt
    assert driven.asked[0].system_text.endswith(context)
    assert "a red door" not in json.dumps(driven.bodies[0]["messages"])


async def test_secrets_are_in_nothing_that_the_run_leaves(place: Place) -> None:
    place.transcript = Transcript(place.transcript.path, Redactor({"DOOR_TOKEN": "open-sesame"}))
    ask = calls("Monitor", word="open-sesame")
    driven = await place.drive(script(ask, says("It is open-sesame.")))
    assert driven.end.final_text == "It is [redacted]."
    assert driven.end.denials == (Denial(tool="Monitor", arguments={"word": "[redacted]"}),)


def test_what_the_cli_counts_beside_the_turns_is_paid_for_too(tmp_path: Path) -> None:
    listener = Listener(Transcript(tmp_path / "transcript.jsonl", Redactor({})), lambda: NOON)
    counted = {"inputTokens": 40, "outputTokens": 5, "cacheReadInputTokens": 1, "cacheCreationInputTokens": 2}
    listener.hear(
        ResultMessage(
            subtype="success",
            duration_ms=1,
            duration_api_ms=1,
            is_error=False,
            num_turns=0,
            session_id="",
            model_usage={"claude-haiku-4-5": cast("ModelUsage", counted)},
        )
    )
    assert listener.usage == Usage(input_tokens=40, output_tokens=5, cache_read_tokens=1, cache_write_tokens=2)


async def test_the_session_takes_the_id_it_is_given(place: Place) -> None:
    driven = await place.drive(script(says("done")))
    session = place.task("").agent_session_id
    assert session in driven.bodies[0]["metadata"]["user_id"]
    assert list((Path(place.environment["HOME"]) / ".claude").rglob(f"{session}.jsonl"))


async def test_thinking_is_off_so_that_the_temperature_is_taken(place: Place) -> None:
    driven = await place.drive(script(says("done")), temperature=0.9)
    assert (driven.bodies[0]["thinking"], driven.bodies[0]["temperature"]) == ({"type": "disabled"}, 0.9)


@pytest.fixture
def outside(place: Place) -> Path:
    """A folder beside the workspace, to which a link in it leads."""
    folder = place.workspace.parent / "outside"
    folder.mkdir()
    (folder / "door.txt").write_text("a red door")
    (place.workspace / "link").symlink_to(folder)
    return folder


@pytest.mark.parametrize("tool", ["Write", "Read"])
async def test_files_outside_of_the_workspace_are_out_of_reach(place: Place, outside: Path, tool: str) -> None:
    name, more = {"Write": ("new.txt", {"content": "x"}), "Read": ("door.txt", {})}[tool]
    paths = [str(folder / name) for folder in (outside, place.workspace / "link")]
    driven = await place.drive(
        script(*(calls(tool, file_path=path, **more) for path in paths), says("done")), allowed_tools=()
    )
    new = outside / "new.txt"
    assert not new.exists()
    assert "red" not in "".join(driven.results)
    assert [denial.tool for denial in driven.end.denials] == [tool, tool]


async def test_a_file_outside_of_the_workspace_is_not_edited(place: Place, outside: Path) -> None:
    file = outside / "door.txt"
    edit = calls("Edit", file_path=str(file), old_string="red", new_string="green")
    driven = await place.drive(script(calls("Read", file_path=str(file)), edit, says("done")), allowed_tools=())
    assert file.read_text() == "a red door"
    assert [entry.is_error for entry in driven.transcript.entries if entry.kind == "tool_result"] == [True, True]


async def test_a_question_to_a_person_does_not_hang_and_is_reported(place: Place) -> None:
    question = calls("AskUserQuestion", questions=[{"question": "Which door?"}])
    driven = await place.drive(script(question, says("I took the green one.")), allowed_tools=())
    assert (driven.end.stop, driven.end.final_text) == (Stop.FINISHED, "I took the green one.")
    assert driven.end.denials == (
        Denial(tool="AskUserQuestion", arguments={"questions": [{"question": "Which door?"}]}),
    )


@pytest.fixture
def repository(place: Place) -> Path:
    subprocess.run(["git", "init", "-q", place.workspace], check=True)
    return place.workspace


@pytest.mark.usefixtures("repository")
async def test_a_pattern_of_git_commands_lets_them_and_nothing_else_through(place: Place) -> None:
    driven = await place.drive(
        script(calls("Bash", command="git status --short"), calls("Bash", command="ls"), says("done")),
        allowed_tools=("Bash(git status:*)",),
    )
    errors = [entry.is_error for entry in driven.transcript.entries if entry.kind == "tool_result"]
    assert errors == [False, True]
    assert driven.end.denials == (Denial(tool="Bash", arguments={"command": "ls"}),)


async def test_patterns_of_paths_narrow_what_is_written(place: Place) -> None:
    files = [place.workspace / name for name in ("docs/a.md", "docs/secret.md", "b.md")]
    writes = [calls("Write", file_path=str(file), content="x") for file in files]
    await place.drive(
        script(*writes, says("done")), allowed_tools=("Write(docs/**)",), disallowed_tools=("Write(docs/secret.md)",)
    )
    assert [file.exists() for file in files] == [True, False, False]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("Bash(git log", "is malformed"),
        ("Task", "names a tool that this runner lacks; it has Read,"),
        ("", "malformed"),
    ],
)
async def test_a_tool_rule_that_cannot_be_used_is_refused(place: Place, rule: str, said: str) -> None:
    with pytest.raises(RunnerError, match=said):
        await place.drive(script(says("done")), allowed_tools=(rule,))


async def test_web_tools_are_there_only_when_they_are_named(place: Place) -> None:
    driven = await place.drive(script(says("done")), allowed_tools=("Read", "WebFetch"))
    assert set(driven.asked[0].tool_names) == {"Read", "WebFetch"}


async def test_the_cost_limit_also_ends_a_run_whose_calls_all_fail(place: Place) -> None:
    failing = {**calls("Monitor", "Again.", x="y"), "usage": {"input_tokens": 1_000_000}}
    driven = await place.drive(script(failing), max_cost_usd=2.0)
    assert (driven.end.stop, driven.end.final_text, len(driven.bodies)) == (Stop.MAX_COST, "Again.", 1)


async def test_the_cost_limit_ends_an_answer_that_is_cut_off_again_and_again(place: Place) -> None:
    endless = says("bla ", stop_reason="max_tokens", usage={"input_tokens": 1_000_000}, delay_seconds=0.3)
    driven = await place.drive(script(endless), max_cost_usd=2.0)
    assert driven.end.stop is Stop.MAX_COST
    assert len(driven.bodies) <= 2


async def test_tools_that_start_while_the_answer_comes_stand_after_it(place: Place) -> None:
    slow = {**calls("Bash", "I look.", command="echo x"), "pause_seconds": 0.4}
    slow["blocks"] += [{"tool": "Bash", "input": {"command": "echo y"}}]
    driven = await place.drive(script(slow, says("done")))
    turn_1 = ["text", "tool_call", "tool_call", "usage", "tool_result", "tool_result"]
    assert driven.kinds == ["prompt", *turn_1, "text", "usage"]
    assert driven.results == ["x", "y"]


async def test_what_was_said_before_a_cancellation_is_kept(place: Place) -> None:
    slow = {"blocks": [{"text": "First."}, {"text": "Second."}], "pause_seconds": 1.0}
    with open_offline_model(script(slow)) as model:
        running = asyncio.create_task(place.runner.run(place.task(model.base_url), place.transcript))
        await until(lambda: "text" in [entry.kind for entry in place.transcript.entries])
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    kinds = [entry.kind for entry in place.transcript.entries]
    assert kinds == ["prompt", "text", "usage"]
    assert place.transcript.usage.input_tokens > 0


def started_clis() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.name() == "claude"]


@pytest.mark.parametrize(
    ("signum", "stop", "said"),
    [
        (signal.SIGKILL, Stop.FAILED, "Claude Code ended before it was done: signal 9 killed it"),
        (signal.SIGTERM, Stop.INTERRUPTED, "Claude Code was told to end from outside"),
    ],
)
async def test_a_cli_that_is_killed_ends_in_a_sentence(
    place: Place, signum: signal.Signals, stop: Stop, said: str
) -> None:
    with open_offline_model(script(says("done", delay_seconds=60))) as model:
        running = asyncio.create_task(place.runner.run(place.task(model.base_url), place.transcript))
        await until(lambda: model.requests)
        for cli in started_clis():
            cli.send_signal(signum)
        end = await asyncio.wait_for(running, 10)
    assert end.stop is stop
    assert end.error.startswith(said)


async def test_a_cli_that_is_not_installed_is_an_error(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claude_agent_sdk, "__file__", str(tmp_path / "empty" / "__init__.py"))
    monkeypatch.setenv("PATH", str(tmp_path))
    preload()
    with pytest.raises(RunnerError, match="the Claude Code CLI is not installed"):
        await place.drive(script(says("done")))


async def test_a_complaint_of_the_cli_ends_in_a_sentence(place: Place) -> None:
    await place.drive(script(says("done")))
    again = await place.drive(script(says("done")))
    assert again.end.stop is Stop.FAILED
    assert again.end.error.endswith("is already in use")


@contextmanager
def a_server_that_refuses_keys() -> Iterator[tuple[str, list[str]]]:
    """An address that answers 401, and the keys that it was shown."""
    keys: list[str] = []

    class Refusal(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            keys.append(self.headers.get("x-api-key", ""))
            self.send_error(401)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", keys
        finally:
            server.shutdown()
            serving.join()


async def test_the_key_reaches_the_models_server(place: Place) -> None:
    with a_server_that_refuses_keys() as (address, keys):
        end = await place.runner.run(place.task(address, api_key=KEY), place.transcript)
    assert keys == [KEY]
    assert (end.stop, end.error) == (Stop.FAILED, "the key was refused (401); check ANTHROPIC_API_KEY")


async def test_the_key_is_out_of_the_tools_reach(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    look = f'env; tr "\\0" "\\n" < /proc/$PPID/environ; cat /proc/$PPID/cmdline; grep -r "{KEY[:12]}" ~ && echo found'
    driven = await place.drive(script(calls("Bash", command=look), says("done")), api_key=KEY)
    assert "PATH=" in driven.results[0]
    assert KEY not in driven.results[0]


async def test_nothing_stays_in_the_temporary_folder(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    await place.drive(script(calls("Bash", command="true"), says("done")))
    assert list((tmp_path / "tmp").iterdir()) == []


#: A whole run, printed as JSON; its folder is the argument.
UNPRIVILEGED = """
import asyncio, os, sys
from pathlib import Path
from typing import cast
from sessions.models import Usage
from sessions.redaction import Redactor
from sessions.runners import open_runner
from tests.fakes.driving import Place
from tests.fakes.scripts import calls, says, script
folder = Path(sys.argv[1])
environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
place = Place(open_runner("claude-agent-sdk"), folder, environment)
write = calls("Write", file_path=str(place.workspace / "a"), content="x")
rules = script(calls("Bash", command="id -u"), write, says("done"))
driven = asyncio.run(place.drive(rules))
print(driven.end.model_dump_json())
print(*driven.results, sep="\\n")
"""


def test_it_works_for_a_user_who_is_not_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("every other test here runs as a user who is not root")
    become = shutil.which("setpriv")
    if not become:
        pytest.skip("there is no setpriv to become another user with")
    prefix = [become, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if subprocess.run([*prefix, sys.executable, "-c", "import sessions"], cwd=ROOT, check=False).returncode:
        pytest.skip(f"user {NOBODY} cannot read this checkout or its Python")
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, NOBODY, NOBODY)
        done = subprocess.run(
            [*prefix, sys.executable, "-c", UNPRIVILEGED, folder],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": folder, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    end, user, *_ = done.stdout.splitlines()
    assert json.loads(end)["stop"] == "finished"
    assert user == str(NOBODY)
