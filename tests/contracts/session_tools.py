"""What every Runner does with what a session brings: the memory's tools, somebody to ask, time to think."""

import asyncio
import json
from pathlib import Path

import pytest

from sessions.errors import RunnerError
from sessions.memory.changes import OpenThread
from sessions.models import Model
from sessions.runners.base import Stop
from sessions.runners.questions import QUESTION_TOOL
from tests.fakes.agent_memory import BELIEF, RunMemory
from tests.fakes.attendants import FakeAttendant
from tests.fakes.driving import Place
from tests.fakes.scripts import Answer, calls, says, script

QUESTION = {
    "question": "Which door shall I paint?",
    "header": "Door",
    "multiSelect": False,
    "options": [{"label": "green", "description": "the cellar's"}, {"label": "red", "description": "the attic's"}],
}
ABOUT = {
    "recall": {"query": "What colour is the cellar door?"},
    "list_threads": {},
    "note_thread": {"text": "Paint the door.", "tag": "solo"},
    "strengthen_belief": {"belief": BELIEF[:8], "reason": "another quiet one"},
    "fade_belief": {"belief": BELIEF[:8], "reason": "one squeaked"},
    "write_journal": {"theme": "Doors."},
    "set_vital": {"name": "failing tests", "value": "3"},
    "set_project": {"name": "cellar door", "status": "half painted", "waiting_for": "the owner's colour"},
}


def remembers(name: str, /, **arguments: object) -> Answer:
    return {"blocks": [{"tool": f"mcp__memory__{name}", "input": arguments}]}


def asks() -> Answer:
    return calls(QUESTION_TOOL, questions=[QUESTION])


class SessionToolsContract:
    """Subclass it beside `RunnerContract`, whose fixtures it uses."""

    model: Model

    @pytest.fixture
    def memory(self, tmp_path: Path) -> RunMemory:
        return RunMemory(tmp_path)

    async def test_memory_is_recalled_in_the_middle_of_a_run(self, place: Place, memory: RunMemory) -> None:
        recall = remembers("recall", query="What colour is the cellar door?")
        driven = await place.drive(script(recall, says("done")), session_tools=memory.tools)
        (found,) = json.loads(driven.results[0])["observations"]
        assert found["text"] == "The cellar door is green."
        assert (driven.end.stop, driven.end.denials) == (Stop.FINISHED, ())

    async def test_every_memory_tool_can_be_called_and_what_is_written_waits(
        self, place: Place, memory: RunMemory
    ) -> None:
        made = [remembers(name, **arguments) for name, arguments in ABOUT.items()]
        noted = "{{ results[2] | replace('Noted as ', '') | replace('.', '') }}"
        made.append(remembers("close_thread", thread=noted, reason="Painted."))
        driven = await place.drive(script(*made, says("done")), session_tools=memory.tools, loop_stop_after=0)
        assert not any(entry.is_error for entry in driven.transcript.entries), driven.results
        written = [change.op for change in memory.written()]
        wrote = [
            "open_thread",
            "strengthen",
            "fade_belief",
            "write_journal",
            "set_vital",
            "set_project",
            "close_thread",
        ]
        assert written == wrote
        with memory.open() as store:
            assert [change.run for change in store.changes(run="run-2")] == []

    async def test_memory_tools_are_allowed_whatever_else_is(self, place: Place, memory: RunMemory) -> None:
        note = remembers("note_thread", text="Oil it.", tag="solo")
        driven = await place.drive(script(note, says("done")), allowed_tools=("Read",), session_tools=memory.tools)
        assert {tool.name for tool in memory.tools} | {"Read"} == set(driven.asked[0].tool_names)
        assert [change.text for change in memory.written() if isinstance(change, OpenThread)] == ["Oil it."]

    @pytest.mark.parametrize(
        ("allowed", "disallowed", "gone"),
        [
            ((), ("mcp__memory__note_thread",), {"note_thread"}),
            ((), ("mcp__memory",), set(ABOUT) | {"close_thread"}),
            (("Read", "mcp__memory__recall"), (), set(ABOUT) - {"recall"} | {"close_thread"}),
        ],
        ids=["one taken away", "all taken away", "one alone allowed"],
    )
    async def test_rules_take_memory_tools_away(
        self, place: Place, memory: RunMemory, allowed: tuple[str, ...], disallowed: tuple[str, ...], gone: set[str]
    ) -> None:
        note = remembers("note_thread", text="Oil it.", tag="solo")
        driven = await place.drive(
            script(note, says("done")), allowed_tools=allowed, disallowed_tools=disallowed, session_tools=memory.tools
        )
        offered = {name for name in driven.asked[0].tool_names if name.startswith("mcp__")}
        assert offered == {tool.name for tool in memory.tools if tool.tool not in gone}
        assert memory.written() == []
        assert [denial.tool for denial in driven.end.denials] == ["mcp__memory__note_thread"]

    @pytest.mark.parametrize("rule", ["mcp__memry__recall", "mcp__memory__recal", "mcp__memory__recall(x)"])
    async def test_a_rule_about_a_tool_that_is_not_there_is_refused(
        self, place: Place, memory: RunMemory, rule: str
    ) -> None:
        with pytest.raises(RunnerError, match="tool rule"):
            await place.drive(script(says("done")), disallowed_tools=(rule,), session_tools=memory.tools)

    async def test_a_memory_tool_that_fails_is_an_error_result_and_the_run_goes_on(
        self, place: Place, memory: RunMemory
    ) -> None:
        close = remembers("close_thread", thread="nothing-like-it", reason="x")
        driven = await place.drive(script(close, says("done")), session_tools=memory.tools)
        assert [entry.is_error for entry in driven.transcript.entries if entry.kind == "tool_result"] == [True]
        assert "nothing-like-it is no thread" in driven.results[0]
        assert driven.end.stop is Stop.FINISHED

    async def test_a_question_is_answered_by_who_attends(self, place: Place) -> None:
        attendant = FakeAttendant("the green one")
        driven = await place.drive(script(asks(), says("done")), attendant=attendant, allowed_tools=())
        assert [question.question for question in attendant.asked] == ["Which door shall I paint?"]
        assert [choice.label for choice in attendant.asked[0].options] == ["green", "red"]
        assert "the green one" in driven.results[0]
        assert (driven.end.stop, driven.end.final_text, driven.end.denials) == (Stop.FINISHED, "done", ())
        assert "You are watched by a fake." in driven.asked[0].system_text

    async def test_a_question_that_nobody_answers_ends_the_run_before_the_next_request(self, place: Place) -> None:
        driven = await place.drive(script(asks(), says("I went on.")), attendant=FakeAttendant())
        assert driven.end.stop is Stop.NEEDS_INPUT
        assert driven.end.error == "nobody says Which door shall I paint?"
        assert len(driven.bodies) == 1

    async def test_questions_can_be_taken_away(self, place: Place) -> None:
        attendant = FakeAttendant("the green one")
        driven = await place.drive(script(asks(), says("done")), attendant=attendant, disallowed_tools=(QUESTION_TOOL,))
        assert QUESTION_TOOL not in driven.asked[0].tool_names
        assert (attendant.asked, [denial.tool for denial in driven.end.denials]) == ([], [QUESTION_TOOL])

    async def test_a_run_that_waits_for_an_answer_can_be_cancelled(self, place: Place) -> None:
        class Waiting(FakeAttendant):
            async def ask(self, questions):  # noqa: ANN001, ANN202 - as its parent
                self.asked += questions
                await asyncio.sleep(600)

        attendant = Waiting()
        running = asyncio.create_task(place.drive(script(asks(), says("done")), attendant=attendant))
        while not attendant.asked:
            assert not running.done()
            await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    async def test_a_question_that_is_none_is_an_error_result(self, place: Place) -> None:
        attendant = FakeAttendant("yes")
        driven = await place.drive(script(calls(QUESTION_TOOL, questions=[]), says("done")), attendant=attendant)
        assert [entry.is_error for entry in driven.transcript.entries if entry.kind == "tool_result"] == [True]
        assert (attendant.asked, driven.end.stop) == ([], Stop.FINISHED)

    async def test_the_model_thinks_with_half_of_its_answer_where_that_is_on(self, place: Place) -> None:
        first = {"blocks": [{"thinking": "hm"}, {"tool": "Bash", "input": {"command": "echo x"}}]}
        driven = await place.drive(script(first, says("done")), thinking=True, temperature=1.0, max_tokens=3000)
        assert [self.thinking_of(body) for body in driven.bodies] == [1500, 1500]
        assert [(body["temperature"], body["max_tokens"]) for body in driven.bodies] == [(1.0, 3000)] * 2
        assert "hm" in [entry.text for entry in driven.transcript.entries if entry.kind == "thinking"]
        assert driven.end.final_text == "done"

    def thinking_of(self, body: dict[str, object]) -> object:
        """How long the model may think, as a request says it."""
        thinking = body["thinking"]
        return thinking["budget_tokens"] if isinstance(thinking, dict) else None
