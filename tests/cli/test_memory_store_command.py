import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.main import app
from sessions.errors import MemoryStoreError
from sessions.interactive import Conversation, note_conversation
from sessions.memory import open_memory
from sessions.memory.base import Memory
from sessions.offline import open_offline_model
from sessions.offline.running import OfflineModel
from sessions.run_folder import RunFolder
from tests.fakes.conversations import Written, text
from tests.fakes.extracting import keeps, with_extraction
from tests.fakes.memories import ORDER, PORT, stock
from tests.fakes.records import FINISHED, SLOT, a_folder, an_entry_of
from tests.fakes.scripts import says, script

GREEN = "the door is green"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the command takes for SESSIONS_HOME."""
    monkeypatch.setenv("SESSIONS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def memory(home: Path) -> Iterator[Memory]:
    with open_memory(f"sqlite:///{home}/memory.sqlite3") as opened:
        stock(opened)
        yield opened


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[OfflineModel]:
    rules = with_extraction(script(says("done")), keeps(GREEN, "The door is green."))
    with open_offline_model(rules) as opened:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", opened.base_url)
        yield opened


def run(*words: str, given: str | bytes = "") -> Result:
    return CliRunner().invoke(app, ["memory", *words], input=given)


def found(subject: str) -> list[dict[str, str]]:
    """What the doctor says of a subject."""
    lines = json.loads(run("doctor", "--json").stdout)
    return [line for line in lines if line["subject"].startswith(subject)]


def an_open_run(home: Path) -> RunFolder:
    """A run whose agent ended and that was not learned from."""
    folder = a_folder(home, steps={"agent_started": SLOT, "agent_ended": SLOT}, agent_end=FINISHED)
    entries = (an_entry_of("prompt", "Look."), an_entry_of("text", f"I saw that {GREEN}."))
    folder.transcript_path.write_text("\n".join(entry.model_dump_json() for entry in entries))
    return folder


def a_conversation(home: Path, transcript: Path) -> None:
    written = Written(transcript)
    written.typed(f"Note that {GREEN}.")
    written.says(text("Noted."))
    note_conversation(home, Conversation(session_id="abc", agent="main", transcript=transcript), ended=True)


@pytest.mark.usefixtures("memory")
def test_an_exported_memory_is_the_same_elsewhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "memory.jsonl"
    assert "8 changes are in" in run("export", str(file)).stderr
    assert file.stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("SESSIONS_HOME", str(tmp_path / "other"))
    assert run("import", str(file)).stdout == "8 changes are new, 0 were known\n"
    assert json.loads(run("import", str(file), "--json").stdout)["known"] == 8
    streamed = run("export", "-")
    assert streamed.stdout == file.read_text()
    assert home.exists()
    monkeypatch.setenv("SESSIONS_HOME", str(tmp_path / "third"))
    assert run("import", "-", given=streamed.stdout).stdout == "8 changes are new, 0 were known\n"
    assert PORT in run("search", "port", "--json").stdout


@pytest.mark.usefixtures("memory")
def test_an_export_does_not_write_over_a_file_unasked(tmp_path: Path) -> None:
    file = tmp_path / "memory.jsonl"
    file.write_text("mine")
    refused = run("export", str(file))
    assert isinstance(refused.exception, MemoryStoreError)
    assert "is there already; give --replace" in str(refused.exception)
    assert file.read_text() == "mine"
    assert json.loads(run("export", str(file), "--replace", "--agent", "stranger", "--json").stdout)["changes"] == 0
    assert [each.name for each in tmp_path.glob("*jsonl*")] == ["memory.jsonl"]
    broken = run("export", str(tmp_path / "no" / "folder"))
    assert "cannot be written: No such file" in str(broken.exception)


@pytest.mark.usefixtures("home")
def test_lines_that_are_no_changes_are_named_and_the_others_taken_over(tmp_path: Path, memory: Memory) -> None:
    good = next(memory.changes(ops=["open_thread"])).model_copy(update={"id": "x", "thread": "x"}).model_dump_json()
    fade = {
        "op": "fade",
        "id": "f",
        "agent": "main",
        "run": "r",
        "at": SLOT.isoformat(),
        "reason": "",
        "observation": "?",
    }
    done = run("import", "-", given=f"nothing\n{good}\n{json.dumps(fade)}\n")
    assert (done.exit_code, done.stdout) == (1, "1 changes are new, 0 were known\n")
    assert "-:1: is no change of a memory: Invalid JSON" in done.stderr
    assert "-: change f was left out: there is no observation ?" in done.stderr
    assert "cannot be read" in str(run("import", str(tmp_path / "gone")).exception)


@pytest.mark.usefixtures("memory")
def test_the_vectors_are_built_anew() -> None:
    done = json.loads(run("reindex", "--json").stdout)
    assert (done["observations"], done["before"]) == (3, done["embedder"])


def test_the_doctor_makes_no_memory_where_there_is_none(home: Path) -> None:
    done = run("doctor")
    assert (done.exit_code, done.stdout.startswith("ok    memory: ")) == (0, True)
    assert "is not there yet" in done.stdout
    assert not home.exists()


@pytest.mark.parametrize("url", ["postgres://host/db", "sqlite:///memory.sqlite3"])
def test_an_address_that_is_none_is_no_memory_that_is_still_to_be_made(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONS_MEMORY_URL", url)
    done = run("doctor")
    assert (done.exit_code, done.stdout[:13]) == (1, "fail  memory:")


@pytest.mark.usefixtures("memory")
def test_the_doctor_says_what_there_is_what_is_old_and_what_waits_for_a_person(home: Path) -> None:
    (memory,) = found("memory")
    assert memory["found"].startswith(f"{home / 'memory.sqlite3'}, ")
    assert ", format " in memory["found"]
    (counts, waiting) = found("agent main")
    assert counts["found"].startswith("2 observations, ")
    assert counts["found"].endswith("1 open threads, 1 journal entries; last learned 2026-03-01 00:03 UTC")
    assert (counts["status"], waiting["status"]) == ("warn", "warn")
    assert f"1 quarantined, which the agent does not see: {ORDER} (it holds an order)" in waiting["found"]


@pytest.mark.usefixtures("memory")
def test_the_doctor_finds_a_memory_of_another_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONS_MEMORY_EMBEDDER", "gemini/gemini-embedding-001")
    assert run("doctor").exit_code == 1
    (embedder,) = found("embedder")
    assert (embedder["status"], embedder["remedy"]) == ("fail", "set it back, or run `sessions memory reindex`")


def test_the_doctor_says_what_is_wrong_with_a_file_that_is_no_memory(home: Path) -> None:
    home.mkdir()
    (home / "memory.sqlite3").write_text("this is no database at all, but long enough to be read as one by SQLite")
    done = run("doctor")
    assert (done.exit_code, done.stdout.count("\n")) == (1, 1)
    assert "is not a memory: it is no SQLite database" in done.stdout


@pytest.mark.usefixtures("memory")
def test_what_was_not_learned_yet_is_told_and_can_be_tried_again(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: OfflineModel
) -> None:
    folder = an_open_run(home)
    a_conversation(home, tmp_path / "transcript.jsonl")
    assert "of doors, is not learned from yet" in found(f"run {folder.record.run_id}")[0]["found"]
    assert found("conversation abc")[0]["remedy"] == "run `sessions memory retry`"

    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    failed = run("retry")
    assert failed.exit_code == 1
    assert failed.stdout.count("ANTHROPIC_API_KEY") == 2
    assert len(found("run ")) == 2
    assert all("ANTHROPIC_API_KEY" in line["found"] for line in found("run "))

    monkeypatch.setenv("ANTHROPIC_BASE_URL", model.base_url)
    done = run("retry")
    assert (done.exit_code, done.stdout.count(": learned, ")) == (0, 2)
    assert found("run ") == found("conversation") == []
    assert run("retry").stdout == "Everything is learned from that ended.\n"
    with open_memory(f"sqlite:///{home}/memory.sqlite3") as memory:
        kept = [item for item in memory.latest(agent="main", limit=20) if item.text == "The door is green."]
    assert {item.source.origin for item in kept} <= {"owner", "agent"}
    assert kept


@pytest.mark.usefixtures("model")
def test_one_run_can_be_tried_again_by_itself(home: Path, tmp_path: Path) -> None:
    folder = an_open_run(home)
    a_conversation(home, tmp_path / "transcript.jsonl")
    (tried,) = json.loads(run("retry", "--run", folder.record.run_id, "--json").stdout)
    assert (tried["run_id"], tried["problem"]) == (folder.record.run_id, "")
    assert "there is no run nothing" in str(run("retry", "--run", "nothing").exception)


def test_a_conversation_that_cannot_be_read_is_told(home: Path, tmp_path: Path) -> None:
    transcript = tmp_path / "transcript.jsonl"
    transcript.write_text("another format\n")
    path = note_conversation(home, Conversation(session_id="abc", agent="main", transcript=transcript), ended=True)
    assert "is no transcript of Claude Code" in found("conversation")[0]["found"]
    assert run("retry").exit_code == 1
    path.write_text("{")
    assert "cannot be read as a conversation" in found("conversation")[0]["found"]


def test_a_moment_ago_is_not_old(home: Path, memory: Memory) -> None:
    entry = next(memory.changes(ops=["write_journal"]))
    late = datetime.now(UTC) - timedelta(hours=1)
    fresh = entry.entry.model_copy(update={"id": "now", "at": late})  # type: ignore[union-attr]
    memory.apply([entry.model_copy(update={"id": "now", "run": "now", "at": late, "entry": fresh})])
    assert found("agent main")[0]["status"] == "ok"
    assert home.exists()
