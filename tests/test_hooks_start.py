"""Claude Code's SessionStart hook by itself: what it tells, what it keeps, and when it gives up."""

import json
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from hooks.installation import HOOKS
from sessions import interactive_told
from sessions.context import Manifest
from sessions.interactive import Conversation, interactive_home, note_conversation
from sessions.interactive_told import keep_context
from sessions.memory import open_memory
from sessions.outcome import Outcome
from sessions.run_folder import RunFolder, runs_folder
from tests.fakes.conversations import Written, text
from tests.fakes.memories import THREAD, stock
from tests.fakes.records import a_record
from tests.fakes.refusing_firestore import refusing_firestore

PATIENCE = next(hook.timeout_seconds for hook in HOOKS if hook.event == "SessionStart")
NO_KEY = "ANTHROPIC_API_KEY"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "state"


def hook(home: Path, source: str = "startup", **environment: str) -> "subprocess.CompletedProcess[str]":
    """The hook as Claude Code calls it, and as long as it waits."""
    event = {
        "hook_event_name": "SessionStart",
        "session_id": "abc",
        "transcript_path": str(home / "nothing-yet.jsonl"),
        "cwd": str(home.parent),
        "source": source,
    }
    done = subprocess.run(
        [sys.executable, "-E", "-P", "-m", "hooks.session_start", "--agent", "main"],
        input=json.dumps(event),
        env={"SESSIONS_HOME": str(home), "HOME": str(home.parent), "PATH": "/usr/bin:/bin", **environment},
        cwd=home.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    wait_for_learners(home)
    return done


def wait_for_learners(home: Path) -> None:
    """Until what the hook left in the background has ended."""
    for process in psutil.process_iter(["cmdline", "cwd"]):
        if "hooks.learn" in (process.info["cmdline"] or []) and str(home) in (process.info["cwd"] or ""):
            with suppress(psutil.NoSuchProcess):
                process.wait(60)


def told(home: Path, **environment: str) -> tuple[str, dict[str, Any]]:
    """What goes before the conversation, and the whole answer."""
    done = hook(home, **environment)
    assert (done.returncode, done.stderr) == (0, ""), done
    answer = json.loads(done.stdout)
    return answer["hookSpecificOutput"]["additionalContext"], answer


def ran(home: Path, days_ago: int, session: str = "nightly", **fields: object) -> str:
    """A scheduled run of so many days ago."""
    at = datetime.now(UTC) - timedelta(days=days_ago, minutes=1)
    record = a_record(**{"run_id": f"{days_ago}{session}", "session": session, "slot_at": at, "opened_at": at} | fields)
    path = runs_folder(home) / record.run_id
    path.mkdir(parents=True)
    RunFolder(path, record).save()
    return record.run_id


def talked(home: Path, name: str) -> Path:
    """A conversation that is over; returns its transcript."""
    written = Written(home.parent / f"{name}.jsonl")
    written.typed("For later: the door is green.")
    written.says(text("Noted."))
    note_conversation(home, Conversation(session_id=name, agent="main", transcript=written.path), ended=True)
    return written.path


def test_a_person_hears_that_the_nightly_sessions_fail(home: Path) -> None:
    for days in range(3):
        ran(home, days, outcome=Outcome.FAILED, reason="the API said no")
        ran(home, days, "weekly", outcome=Outcome.COMPLETED)
    context, _ = told(home)
    first = context.split("\n\n## ")[1]
    assert first.startswith("What happened without you\n\n- nightly, failing streak: ")
    assert "3 runs in a row failed, the last as failed: the API said no" in first
    assert "`0nightly`" in first
    assert "weekly" not in context


def test_a_session_that_has_not_run_for_long_is_not_told_of(home: Path) -> None:
    for days in range(30, 33):
        ran(home, days, outcome=Outcome.FAILED, reason="the API said no")
    assert "failing streak" not in told(home)[0]


def test_costs_that_rise_are_told_of_each_session_by_itself(home: Path) -> None:
    for days in range(10):
        worked = {"outcome": Outcome.COMPLETED, "steps": {"agent_ended": datetime.now(UTC)}}
        ran(home, days, cost_usd=3.0 if days < 3 else 1.0, **worked)
    assert "- nightly, cost trend: " in told(home)[0]


def test_a_person_without_a_key_hears_how_many_conversations_wait_and_why(home: Path) -> None:
    """The first start tries to learn, the next one tells that it could not."""
    talked(home, "one")
    talked(home, "two")
    assert "not learned from yet" not in told(home)[0]
    context, answer = told(home)
    assert "- ⚠ STALE: 2 parts of conversations are not learned from yet: " in context
    assert NO_KEY in context
    assert "`sessions memory retry` tries again" in context
    assert answer["systemMessage"].startswith("sessions: 2 parts of conversations are not learned from yet: ")
    assert NO_KEY in answer["systemMessage"]


def test_what_a_conversation_began_with_is_kept_like_a_runs(home: Path) -> None:
    with open_memory(f"sqlite:///{home}/memory.sqlite3") as memory:
        stock(memory)
    context, answer = told(home)
    kept = interactive_home(home) / "contexts"
    assert (kept / "abc.md").read_text() == context
    manifest = Manifest.model_validate_json((kept / "abc.json").read_bytes())
    assert THREAD in {each.id for each in manifest.candidates}
    assert manifest.lines == context.count("\n")
    assert "systemMessage" not in answer


def test_the_context_of_a_conversation_is_among_the_files_of_what_was_learned_from_it(home: Path) -> None:
    context, _ = told(home)
    talked(home, "abc")
    hook(home, source="resume")
    (run,) = runs_folder(interactive_home(home)).iterdir()
    assert (run / "context.md").read_text() == context
    assert Manifest.model_validate_json((run / "context.json").read_bytes()).session == "interactive"


def test_a_disk_that_takes_no_context_does_not_keep_the_person_from_it(home: Path) -> None:
    interactive_home(home).mkdir(parents=True)
    (interactive_home(home) / "contexts").write_text("in the way")
    context, answer = told(home)
    assert context.startswith("# Session state: interactive")
    assert "contexts/abc.md cannot be written" in answer["systemMessage"]


def test_of_many_conversations_the_newest_are_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interactive_told, "MOST_KEPT", 2)
    told(home)
    manifest = Manifest.model_validate_json((interactive_home(home) / "contexts" / "abc.json").read_bytes())
    for name in ("b", "c"):
        time.sleep(0.02)
        keep_context(home, name, interactive_told.Context(text=name, manifest=manifest))
    kept = sorted(path.name for path in (interactive_home(home) / "contexts").iterdir())
    assert kept == ["b.json", "b.md", "c.json", "c.md"]


def test_a_store_that_does_not_answer_is_a_sentence_before_claude_code_stops_waiting(home: Path) -> None:
    with refusing_firestore() as place:
        address = {"SESSIONS_MEMORY_URL": place.url, "FIRESTORE_EMULATOR_HOST": place.emulator_host}
        done = hook(home, **address)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "did not answer within 10 s" in done.stderr
