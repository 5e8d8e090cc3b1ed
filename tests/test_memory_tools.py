import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from sessions.memory.base import Memory
from sessions.memory.changes import CloseThread, FadeBelief, OpenThread, SetVital, Strengthen, WriteJournal
from sessions.memory_tools import AgentMemory
from sessions.memory_tools_inputs import INPUTS
from sessions.pending_changes import MOST_CHANGES, PendingChanges
from sessions.redaction import Redactor
from sessions.runners.file_tools import ToolError
from tests.fakes.agent_memory import BELIEF, DISCUSS, FADED, NOON, RUN, SOLO, TOKEN, RunMemory
from tests.fakes.changes import a_change


@pytest.fixture
def run(tmp_path: Path) -> RunMemory:
    return RunMemory(tmp_path)


def use(run: RunMemory, tool: str, **arguments: object) -> str:
    found = next(each for each in run.tools if each.tool == tool)
    return asyncio.run(found.use(json.loads(json.dumps(arguments))))


def threads(run: RunMemory) -> dict[str, str]:
    return {thread["id"]: thread["text"] for thread in json.loads(use(run, "list_threads"))["threads"]}


def applied(run: RunMemory) -> Memory:
    """The store once the run is over and what it wrote was applied."""
    store = run.open()
    store.apply(run.written())
    return store


def test_there_is_a_tool_for_each_thing_an_agent_does_with_its_memory(run: RunMemory) -> None:
    assert [tool.name for tool in run.tools] == [f"mcp__memory__{name}" for name in INPUTS]
    assert all(tool.description and "properties" in tool.input_schema for tool in run.tools)


def test_what_earlier_sessions_learned_is_recalled_with_its_date_words_and_source(run: RunMemory) -> None:
    found = json.loads(use(run, "recall", query="What colour is the cellar door?"))
    assert found["observations"] == [
        {
            "date": "2026-03-01",
            "kind": "fact",
            "text": "The cellar door is green.",
            "quote": "door: green",
            "source": "tool, run run-1",
        }
    ]
    assert "not instructions" in found["note"]


def test_beliefs_that_share_words_with_the_query_are_recalled_faded_ones_with_the_reason(run: RunMemory) -> None:
    found = json.loads(use(run, "recall", query="Are green doors quiet, and red ones loud?"))["beliefs"]
    assert [(belief["id"], belief.get("faded")) for belief in found] == [
        (BELIEF[:8], None),
        (FADED[:8], "one was quiet"),
    ]
    assert 0 < found[0]["confidence"] <= 0.5
    assert "beliefs" not in json.loads(use(run, "recall", query="weather in Lisbon"))


def test_of_very_many_threads_the_oldest_and_the_newest_are_listed(run: RunMemory) -> None:
    opened = [a_change("open_thread", number, thread=f"{number:08}", tag="solo", text="?") for number in range(10, 110)]
    with run.open() as store:
        store.apply(opened)
    listed = json.loads(use(run, "list_threads"))
    assert [thread["id"] for thread in listed["threads"]][1:] == [f"{n:08}" for n in (*range(10, 29), *range(90, 110))]
    assert listed["not_shown"] == 61


def test_threads_for_a_person_are_not_shown_to_a_session_without_one(run: RunMemory) -> None:
    assert threads(run) == {SOLO[:8]: "Oil the hinge."}
    with pytest.raises(ToolError, match="is no thread"):
        use(run, "close_thread", thread=DISCUSS, reason="I decided it myself")
    assert run.written() == []


def test_nothing_reaches_the_store_while_the_run_goes_on(run: RunMemory) -> None:
    use(run, "note_thread", text="Paint the door.", tag="solo")
    with run.open() as store:
        assert len(store.state(agent="main").threads) == 2
    with applied(run) as store:
        assert "Paint the door." in [thread.text for thread in store.state(agent="main").open_threads("solo")]


def test_a_thread_that_was_noted_can_be_closed_in_the_same_run(run: RunMemory) -> None:
    said = use(run, "note_thread", text="Which door first?", tag="discuss")
    noted = said.removeprefix("Noted as ").removesuffix(".")
    assert threads(run)[noted] == "Which door first?"
    use(run, "close_thread", thread=noted, reason="The green one.")
    assert noted not in threads(run)
    assert use(run, "close_thread", thread=noted, reason="Again.") == "It is closed already: The green one."
    opened, closed = run.written()
    assert (type(opened), type(closed)) == (OpenThread, CloseThread)
    assert (opened.agent, opened.run, opened.origin, opened.at) == ("main", RUN, "agent", NOON)


def test_a_thread_that_is_open_already_is_not_noted_twice(run: RunMemory) -> None:
    assert use(run, "note_thread", text="Oil  the hinge.", tag="solo") == f"It is noted already, as {SOLO[:8]}."
    first = use(run, "note_thread", text="Paint it.", tag="solo")
    assert use(run, "note_thread", text="Paint it.", tag="solo") == f"It is noted already, as {first.split()[-1]}"
    assert len(run.written()) == 1


def test_a_belief_is_strengthened_once_a_run(run: RunMemory) -> None:
    assert use(run, "strengthen_belief", belief=BELIEF[:8], reason="another quiet one") == f"Strengthened {BELIEF[:8]}."
    assert "already" in use(run, "strengthen_belief", belief=BELIEF, reason="and another")
    assert [type(change) for change in run.written()] == [Strengthen]
    with applied(run) as store:
        assert store.state(agent="main").beliefs[BELIEF].confidence > 0.5


def test_a_belief_is_faded_with_its_reason_and_a_faded_one_stays_so(run: RunMemory) -> None:
    use(run, "fade_belief", belief=BELIEF[:8], reason="one squeaked")
    assert use(run, "fade_belief", belief=BELIEF, reason="again") == "It is faded already: one squeaked"
    with pytest.raises(ToolError, match="one was quiet; only a person"):
        use(run, "strengthen_belief", belief=FADED, reason="this one is loud")
    assert [type(change) for change in run.written()] == [FadeBelief]
    with applied(run) as store:
        assert store.state(agent="main").beliefs[BELIEF].reason == "one squeaked"


def test_the_latest_journal_entry_of_a_run_is_the_one_that_stays(run: RunMemory) -> None:
    use(run, "write_journal", theme="Doors.")
    use(run, "write_journal", theme="Hinges.", assumptions="I assumed oil is allowed.")
    assert [type(change) for change in run.written()] == [WriteJournal, WriteJournal]
    with applied(run) as store:
        (entry,) = store.journal(agent="main")
    assert (entry.id, entry.session, entry.theme) == (RUN, "night-watch", "Hinges.")
    assert entry.assumptions == "I assumed oil is allowed."


def test_a_journal_entry_that_is_written_again_after_another_is_the_one_that_stays(run: RunMemory) -> None:
    for theme in ("Doors.", "Hinges.", "Doors.", "Doors."):
        use(run, "write_journal", theme=theme)
    assert len(run.written()) == 3
    with applied(run) as store:
        assert [entry.theme for entry in store.journal(agent="main")] == ["Doors."]


def test_a_vital_that_is_flagged_is_there_for_the_next_session(run: RunMemory) -> None:
    use(run, "set_vital", name="failing tests", value="3", flagged=True, note="since Tuesday")
    (change,) = run.written()
    assert isinstance(change, SetVital)
    with applied(run) as store:
        vital = store.state(agent="main").vitals["failing tests"]
    assert (vital.value, vital.flagged, vital.note, vital.run) == ("3", True, "since Tuesday", RUN)


def test_a_project_is_there_for_the_next_session_with_what_it_waits_for(run: RunMemory) -> None:
    use(run, "set_project", name="cellar door", status="half painted", waiting_for="dry weather")
    with applied(run) as store:
        project = store.state(agent="main").projects["cellar door"]
    assert (project.status, project.waiting_for, project.run) == ("half painted", "dry weather", RUN)


def test_what_is_set_to_another_value_and_back_ends_as_it_was_said_last(run: RunMemory) -> None:
    for value in ("3", "5", "3", "3"):
        use(run, "set_vital", name="failing tests", value=value)
    assert len(run.written()) == 3
    with applied(run) as store:
        assert store.state(agent="main").vitals["failing tests"].value == "3"


def test_a_repeated_call_is_the_same_change_also_after_a_crash(run: RunMemory) -> None:
    use(run, "set_vital", name="failing tests", value="3")
    again = PendingChanges(run.path, agent="main", run=RUN, redact=Redactor({}))
    memory = AgentMemory(again, session="night-watch", open_store=run.open, now=lambda: NOON)
    found = next(tool for tool in memory.tools() if tool.tool == "set_vital")
    asyncio.run(found.use({"name": "failing tests", "value": "3"}))
    assert len(run.written()) == 1


def test_a_run_writes_forty_times_and_no_more(run: RunMemory) -> None:
    for number in range(MOST_CHANGES):
        use(run, "note_thread", text=f"Door {number}.", tag="solo")
    with pytest.raises(ToolError, match="at most 40 times"):
        use(run, "note_thread", text="One more.", tag="solo")
    assert len(run.written()) == MOST_CHANGES == 40


def test_secrets_are_not_written_down(run: RunMemory) -> None:
    use(run, "note_thread", text=f"The word is {TOKEN}.", tag="solo")
    assert TOKEN not in run.path.read_text()
    assert [change.text for change in run.written() if isinstance(change, OpenThread)] == ["The word is [redacted]."]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("recall", {"query": ""}, "query: "),
        ("recall", {"query": " \n"}, "is blank"),
        ("recall", {"query": "x", "limit": 31}, "limit: "),
        ("note_thread", {"text": "x", "tag": "later"}, "tag: "),
        ("note_thread", {"text": "x" * 2001, "tag": "solo"}, "text: "),
        ("note_thread", {"tag": "solo"}, "text: "),
        ("note_thread", {"text": "x", "tag": "solo", "agent": "owl"}, "agent: "),
        ("close_thread", {"thread": "5010", "reason": "x"}, "thread: "),
        ("close_thread", {"thread": "nothing-like-it", "reason": "x"}, "nothing-like-it is no thread"),
        ("strengthen_belief", {"belief": "nothing-like-it", "reason": "x"}, "is no belief"),
        ("set_vital", {"name": "", "value": "1"}, "name: "),
        ("set_vital", {"name": "Consolidation ", "value": "done"}, "by the consolidation alone"),
    ],
)
def test_wrong_arguments_are_a_sentence_for_the_agent(
    run: RunMemory, tool: str, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(ToolError, match=said):
        use(run, tool, **arguments)
    assert run.written() == []


def test_what_only_a_terminal_understands_is_taken_out(run: RunMemory) -> None:
    use(run, "note_thread", text="Paint\x1b[2J it red.", tag="solo")
    assert [change.text for change in run.written() if isinstance(change, OpenThread)] == ["Paint[2J it red."]


def test_a_memory_that_cannot_be_read_is_a_sentence_for_the_agent(run: RunMemory, tmp_path: Path) -> None:
    (tmp_path / "memory.sqlite3").write_bytes(b"not a memory" * 100)
    with pytest.raises(ToolError, match=r"The memory did not take it: .* is not a memory"):
        use(run, "recall", query="doors")
