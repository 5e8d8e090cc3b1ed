"""Whatever `sessions memory show` opens: the words that made it what it is, and the run to take back for that."""

from pathlib import Path

import pytest
from pydantic import JsonValue
from typer.testing import CliRunner

from cli.main import app
from sessions.memory.base import Memory
from sessions.memory_ids import NotInMemoryError
from sessions.redaction import Redactor
from sessions.transcript import Transcript
from tests.fakes.changes import a_change, a_journal
from tests.fakes.memories import BELIEF, LATER, RUN, THREAD
from tests.fakes.records import a_folder, an_entry_of

pytestmark = pytest.mark.usefixtures("memory")


def said(*words: str) -> str:
    done = CliRunner().invoke(app, ["memory", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def taken_back_by(id_: str) -> str:
    """The run that `show` names to be taken back."""
    return said("show", id_).partition("sessions memory revert --run ")[2].strip()


@pytest.mark.parametrize(
    ("op", "id_", "now", "before"),
    [
        ("fade_belief", BELIEF, "faded", "held, confidence"),
        ("close_thread", THREAD, "closed", "open, to discuss"),
    ],
)
def test_what_ended_a_belief_or_a_thread_is_what_can_be_taken_back(
    op: str, id_: str, now: str, before: str, memory: Memory
) -> None:
    what = {op.split("_")[1]: id_, "quote": "Port 9000 it is.", "reason": "Ports do change."}
    memory.apply([a_change(op, 9, run="the-run-that-ended-it", **what)])
    shown = said("show", id_)
    assert shown.splitlines()[0].endswith(f": {now}")
    assert "run         the-run-that-ended-it" in shown
    assert taken_back_by(id_) == "the-run-that-ended-it"
    said("revert", "--run", taken_back_by(id_), "--yes")
    assert before in said("show", id_).splitlines()[0]


def test_a_belief_that_was_faded_in_a_run_that_was_taken_back_is_the_first_runs_again(memory: Memory) -> None:
    fade = a_change("fade_belief", 9, run="a-mistake", belief=BELIEF, reason="Ports do change.")
    memory.apply([fade, a_change("revert", 10, run="by-hand", reverted="a-mistake")])
    assert taken_back_by(BELIEF) == LATER


def test_the_fading_of_a_vital_is_what_can_be_taken_back() -> None:
    said("fade", "focus", "--reason", "It was a mistake.")
    assert taken_back_by("focus").startswith("by-hand-")
    said("revert", "--run", taken_back_by("focus"), "--yes")
    assert said("show", "focus").startswith("vital focus of agent main: flagged")


def test_what_a_tool_wrote_is_shown_in_the_call_that_wrote_it(memory: Memory, tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    arguments: dict[str, JsonValue] = {"name": "latency", "value": "240 ms", "note": "It doubled since Monday."}
    call = an_entry_of("tool_call", tool="mcp__memory__set_vital", arguments=arguments)
    transcript = Transcript(folder.transcript_path, Redactor({}))
    for entry in (an_entry_of("prompt", "Look."), call):
        transcript.append(entry)
    about = {"name": "latency", "value": "240 ms", "quote": "240 ms", "span": "1"}
    memory.apply([a_change("set_vital", 9, run=RUN, **about), a_journal(8, run=RUN, theme="Speed")])
    shown = said("show", "latency")
    assert "said in     name: latency value: 240 ms note: It doubled since Monday." in shown
    assert f"transcript  {folder.transcript_path}:2" in shown


def test_a_journal_entry_leads_to_the_words_that_it_rests_on(memory: Memory, tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    Transcript(folder.transcript_path, Redactor({})).append(an_entry_of("text", "I measured and it is slow."))
    written = a_journal(8, run=RUN, theme="Speed").model_copy(update={"span": "0"})
    memory.apply([written])
    shown = said("show", RUN)
    assert "said in     I measured and it is slow." in shown
    assert f"transcript  {folder.transcript_path}:1" in shown


def test_a_project_and_a_vital_of_one_name_are_told_apart_by_their_kind(memory: Memory) -> None:
    memory.apply(
        [a_change("set_vital", 9, name="gateway", value="slow"), a_change("set_vital", 10, name="a:b", value="1")]
    )
    with pytest.raises(NotInMemoryError, match="give its kind too, as in project:gateway, or the agent"):
        CliRunner().invoke(app, ["memory", "show", "gateway"], catch_exceptions=False)
    assert said("show", "project:gateway").startswith("project gateway of agent main")
    assert said("show", "vital: gate").startswith("vital gateway of agent main")
    assert said("show", f"belief:{BELIEF[:8]}").startswith(f"belief {BELIEF}")
    assert said("show", "a:b").startswith("vital a:b of agent main")
    assert said("fade", "vital:gateway", "--reason", "It is fast again.").startswith("vital gateway: faded")


def test_a_run_that_taught_nothing_is_found_by_its_kind_too(tmp_path: Path) -> None:
    a_folder(tmp_path, run_id=LATER)
    assert said("show", f"run:{LATER[:8]}").startswith(f"run {LATER} of agent main")
