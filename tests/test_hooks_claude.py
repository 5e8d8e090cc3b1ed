"""Our hooks under the real Claude Code, against the offline model: what it is told, and what stays of what was said."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.main import app
from hooks.installation import HOOKS, install
from sessions.interactive import interactive_home
from sessions.memory import open_memory
from sessions.memory.things import Observation
from sessions.offline import open_offline_model
from sessions.offline.running import OfflineModel
from sessions.process_tree import MARKER
from sessions.run_folder import runs_folder
from sessions.runners import open_runner
from sessions.runners.claude_launch import find_cli
from tests.fakes.driving import Place
from tests.fakes.extracting import keeps, with_extraction
from tests.fakes.memories import ORDER, PORT, THREAD, stock
from tests.fakes.observations import an_observation
from tests.fakes.scripts import calls, says, script

MOVED = "the gateway moved to port 9443"
SCRIPT = with_extraction(script(says("I will remember it.")), keeps(MOVED, "The gateway moved to port 9443."))
_LEARNED_SECONDS = 60.0


class Desk:
    """Where a person works: a project, a home, and the environment that Claude Code is started in."""

    def __init__(self, folder: Path, model: OfflineModel) -> None:
        self.home = folder / "state"
        self.project = folder / "project"
        self.settings = self.project / ".claude" / "settings.json"
        self.project.mkdir()
        self.model = model
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "ANTHROPIC_BASE_URL": model.base_url,
            "ANTHROPIC_API_KEY": "sk-test",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }

    def says(self, words: str, *options: str, **environment: str) -> dict[str, Any]:
        """A conversation of one prompt; returns what Claude Code says at its end."""
        done = subprocess.run(
            [str(find_cli()), "-p", words, "--output-format", "json", *options],
            env=self.environment | environment,
            cwd=self.project,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        return dict(json.loads(done.stdout))

    def asked(self) -> list[str]:
        """What the model was asked by the agent, the whole of each request."""
        requests = [request.body for request in self.model.requests if request.body.get("tools")]
        return [json.dumps(body, ensure_ascii=False) for body in requests]

    def known(self) -> list[Observation]:
        with open_memory(f"sqlite:///{self.home}/memory.sqlite3") as memory:
            return memory.latest(agent="main")

    def wait_until_learned(self, parts: int = 1) -> None:
        """Until so many parts of conversations were learned from, and no process of ours is left."""
        until = time.monotonic() + _LEARNED_SECONDS
        while len(list(runs_folder(interactive_home(self.home)).glob("*/closed"))) < parts or self.learners():
            assert time.monotonic() < until, (interactive_home(self.home) / "conversations" / "learn.log").read_text()
            time.sleep(0.1)

    def learners(self) -> list[psutil.Process]:
        """The processes that our hooks left."""
        found = []
        for process in psutil.process_iter(["cmdline", "cwd"]):
            line = process.info["cmdline"] or []
            if "hooks.learn" in line and str(self.home) in (process.info["cwd"] or ""):
                found.append(process)
        return found

    def command(self, *words: str) -> Result:
        return CliRunner(env={"SESSIONS_HOME": str(self.home), "COLUMNS": "200"}).invoke(app, ["memory", *words])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_offline_model(SCRIPT) as model:
        desk = Desk(tmp_path, model)
        # The person's shell knows nothing of it.
        places = {"SESSIONS_HOME": str(desk.home)}
        install("project", desk.settings, agent="main", python=sys.executable, environment=places)
        yield desk
        for process in desk.learners():
            # It may just end by itself.
            with suppress(psutil.NoSuchProcess):
                process.kill()
                process.wait(5)


def test_a_conversation_starts_with_what_is_known_and_what_waits_to_be_discussed(desk: Desk) -> None:
    with open_memory(f"sqlite:///{desk.home}/memory.sqlite3") as memory:
        stock(memory)
    assert desk.says("What do you know?")["result"] == "I will remember it."
    (asked,) = desk.asked()
    assert "# Session state: interactive" in asked
    assert f"`{THREAD[:8]}` discuss" in asked
    assert f"`{PORT[:8]}`" in asked
    assert ORDER[:8] not in asked


def test_a_memory_that_is_full_still_fits_what_claude_code_takes_whole(desk: Desk) -> None:
    with open_memory(f"sqlite:///{desk.home}/memory.sqlite3") as memory:
        memory.remember([an_observation(n, f"Project detail {n}: " + "öß" * 150, quote="q" * 190) for n in range(60)])
    desk.says("What do you know?")
    (asked,) = desk.asked()
    assert "# Session state: interactive" in asked
    assert "more observations are in memory" in asked
    assert "persisted-output" not in asked


def test_a_line_of_a_context_can_be_opened_and_taken_back(desk: Desk) -> None:
    desk.says(f"Please note: {MOVED}.")
    desk.wait_until_learned()
    (kept,) = desk.known()
    assert (kept.text, kept.source.origin) == ("The gateway moved to port 9443.", "owner")

    desk.says("Where is the gateway?")
    desk.wait_until_learned(2)
    line = f"`{kept.id[:8]}`"
    assert line in desk.asked()[-1]

    shown = desk.command("show", kept.id[:8])
    assert f"Please note: {MOVED}." in shown.stdout
    place = next(row.split()[1] for row in shown.stdout.splitlines() if row.startswith("  transcript"))
    path, _, number = place.rpartition(":")
    assert MOVED in json.loads(Path(path).read_text().splitlines()[int(number) - 1])["text"]

    run = next(row.split()[-1] for row in shown.stdout.splitlines() if row.startswith("  take back"))
    assert desk.command("revert", "--run", run, "--yes").exit_code == 0
    desk.says("Where is the gateway?")
    assert line not in desk.asked()[-1]
    assert MOVED not in desk.asked()[-1].replace(f"Please note: {MOVED}", "")


def test_stops_of_one_conversation_do_not_double_what_it_said(desk: Desk) -> None:
    environment = {"SESSIONS_INTERACTIVE_QUIET_SECONDS": "0"}
    first = desk.says(f"Please note: {MOVED}.", **environment)
    for _ in range(2):
        desk.says("And now?", "--resume", first["session_id"], **environment)
    desk.wait_until_learned()
    assert [item.text for item in desk.known()] == ["The gateway moved to port 9443."]
    learned = [str(request.body) for request in desk.model.requests if not request.body.get("tools")]
    assert sum(f"Please note: {MOVED}." in body for body in learned) == 1


def test_a_conversation_that_is_taken_up_again_is_not_told_twice(desk: Desk) -> None:
    first = desk.says("Hello.")
    desk.says("Hello again.", "--resume", first["session_id"])
    assert [asked.count("# Session state") for asked in desk.asked()] == [1, 1]


def test_nobody_waits_for_the_hooks_of_the_end(desk: Desk) -> None:
    event = {"hook_event_name": "Stop", "session_id": "s", "transcript_path": "/nowhere", "cwd": str(desk.project)}
    transcript = desk.project / "transcript.jsonl"
    transcript.write_text("{}\n")
    done = run_hook("stop", json.dumps({**event, "transcript_path": str(transcript)}), desk.environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(desk.learners()) == 1
    again = run_hook("stop", json.dumps({**event, "transcript_path": str(transcript)}), desk.environment)
    assert again.returncode == 0
    until = time.monotonic() + 20
    while len(desk.learners()) != 1 and time.monotonic() < until:
        time.sleep(0.1)
    assert len(desk.learners()) == 1


@pytest.mark.parametrize("module", ["session_start", "stop"])
def test_within_the_agent_of_a_scheduled_run_nothing_is_done(desk: Desk, module: str) -> None:
    done = run_hook(module, "", {**desk.environment, MARKER: "a run"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not desk.home.exists()


async def test_a_scheduled_run_does_not_call_the_hooks_of_the_project_it_works_on(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    place = Place(open_runner("claude-agent-sdk"), tmp_path, {"PATH": os.environ["PATH"], "HOME": f"{tmp_path}/home"})
    mark = tmp_path / "called"
    called = {"hooks": [{"type": "command", "command": f"touch {mark}"}]}
    for settings in (place.workspace / ".claude" / "settings.json", tmp_path / "home" / ".claude" / "settings.json"):
        settings.parent.mkdir()
        settings.write_text(json.dumps({"hooks": {hook.event: [called] for hook in HOOKS}}))
    driven = await place.drive(script(calls("Bash", command="echo hi"), says("done")))
    assert driven.end.final_text == "done"
    assert not mark.exists()


@pytest.mark.parametrize("module", ["session_start", "stop"])
def test_hooks_of_the_person_leave_a_project_to_its_own(desk: Desk, module: str) -> None:
    event = {"hook_event_name": "Stop", "session_id": "s", "transcript_path": "/nowhere", "cwd": str(desk.project)}
    done = run_hook(module, json.dumps(event), desk.environment, "--user")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not desk.home.exists()


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("no JSON", "this is not the event of a conversation: standard input: Invalid JSON"),
        ('{"hook_event_name": "Stop"}', "this is not the event of a conversation: session_id: Field required"),
        (
            '{"hook_event_name": "Stop", "session_id": "../x", "transcript_path": "/x", "cwd": "/"}',
            "session_id: String should match pattern",
        ),
    ],
)
@pytest.mark.parametrize("module", ["session_start", "stop"])
def test_what_is_no_such_event_is_a_sentence_that_blocks_nothing(
    desk: Desk, module: str, said: str, complaint: str
) -> None:
    done = run_hook(module, said, desk.environment)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert complaint in done.stderr


def test_a_memory_that_cannot_be_read_is_a_sentence_and_the_conversation_goes_on(desk: Desk) -> None:
    desk.home.mkdir()
    (desk.home / "memory.sqlite3").write_text("this is no database at all, but it is long enough to be read as one")
    assert desk.says("Hello.")["result"] == "I will remember it."
    assert "# Session state" not in desk.asked()[0]


def test_a_home_that_cannot_be_written_is_a_sentence(desk: Desk) -> None:
    desk.home.write_text("in the way")
    event = {"hook_event_name": "Stop", "session_id": "s", "transcript_path": "/nowhere", "cwd": str(desk.project)}
    done = run_hook("stop", json.dumps(event), desk.environment)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "set SESSIONS_HOME" in done.stderr


def run_hook(module: str, said: str, environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-E", "-P", "-m", f"hooks.{module}", "--agent", "main", *options],
        input=said,
        env={"SESSIONS_HOME": f"{environment['HOME']}/state", **environment},
        cwd=environment["HOME"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
