import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sessions.errors import RunnerError
from sessions.offline import Script, open_offline_model
from sessions.runners import open_runner
from sessions.runners.base import Runner, Stop
from sessions.runners.messages import AnthropicRunner
from tests.contracts.limits import LimitsContract
from tests.contracts.runners import RunnerContract
from tests.contracts.session_tools import SessionToolsContract
from tests.fakes.driving import Place, until
from tests.fakes.scripts import calls, says, script

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")
    return Place(AnthropicRunner(clock=lambda: NOON), tmp_path, {"PATH": "/usr/local/bin:/usr/bin:/bin"})


class TestAnthropicRunner(RunnerContract, LimitsContract, SessionToolsContract):
    @pytest.fixture
    def runner(self) -> Runner:
        return open_runner("anthropic")


async def test_entries_carry_the_time_of_the_clock(place: Place) -> None:
    driven = await place.drive(script(says("done")))
    assert {entry.at for entry in driven.transcript.entries} == {NOON}


async def test_an_answer_cut_at_max_tokens_is_kept_with_a_note(place: Place) -> None:
    driven = await place.drive(script(says("The door is", stop_reason="max_tokens")), max_tokens=7)
    assert (driven.end.stop, driven.end.final_text) == (Stop.FINISHED, "The door is")
    notes = [entry.text for entry in driven.transcript.entries if entry.kind == "note"]
    assert "The answer was cut off at max_tokens=7." in notes


async def test_a_tool_call_torn_by_max_tokens_is_not_made(place: Place) -> None:
    torn = {**calls("Bash", command="touch made"), "stop_reason": "max_tokens"}
    driven = await place.drive(script(torn))
    assert driven.end.stop is Stop.FINISHED
    assert list(place.workspace.iterdir()) == []


async def test_a_paused_turn_goes_on(place: Place) -> None:
    driven = await place.drive(script(says("Wait.", stop_reason="pause_turn"), says("done")))
    assert (driven.end.final_text, [request.turn for request in driven.asked]) == ("done", [0, 1])


async def test_system_tools_and_the_latest_message_are_marked_for_the_cache(place: Place) -> None:
    driven = await place.drive(script(calls("Bash", command="true"), says("done")))
    for body in driven.bodies:
        for marked in (body["system"], body["tools"], body["messages"][-1]["content"]):
            assert [block for block in marked if "cache_control" in block] == [marked[-1]]


async def test_what_was_said_before_a_stream_broke_off_is_kept_and_counted(place: Place) -> None:
    driven = await place.drive(script(says("I was about to say", fault="cut_stream")))
    assert driven.end.final_text == "I was about to say"
    assert driven.kinds == ["prompt", "text", "usage"]
    assert driven.transcript.usage.input_tokens > 0


@pytest.mark.parametrize("breaks", [{"fault": "cut_stream"}, {"error": {"type": "overloaded_error"}}])
async def test_an_answer_that_broke_off_is_asked_for_again(place: Place, breaks: dict[str, object]) -> None:
    rules = {"rules": [{"when": {"use": 1}, "answer": says("I was", **breaks)}, {"answer": says("done")}]}
    driven = await place.drive(Script.model_validate(rules), retries=1)
    assert (driven.end.stop, driven.end.final_text, driven.transcript.turns) == (Stop.FINISHED, "done", 1)


async def test_an_overload_in_the_middle_of_an_answer_is_named(place: Place) -> None:
    driven = await place.drive(script(says("I was", error={"type": "overloaded_error"})))
    assert "overloaded (529)" in driven.end.error


async def test_a_model_that_will_be_retired_is_noted_once(place: Place) -> None:
    driven = await place.drive(script(calls("Bash", command="true"), says("done")))
    notes = [entry.text for entry in driven.transcript.entries if entry.kind == "note"]
    assert all("deprecated" in note for note in notes)
    assert len(notes) <= 1


@pytest.mark.parametrize("rule", ["WebFetch", "Bash(", "Read(src/**)", "Write(/etc/*)"])
async def test_a_tool_rule_that_cannot_be_used_is_refused_before_the_first_request(place: Place, rule: str) -> None:
    with open_offline_model(script(says("done"))) as model:
        task = place.task(model.base_url, allowed_tools=(rule,))
        with pytest.raises(RunnerError, match="tool rule"):
            await place.runner.run(task, place.transcript)
        assert model.requests == []


async def test_a_cancelled_run_keeps_what_was_said_in_the_middle_of_an_answer(place: Place) -> None:
    slow = {"blocks": [{"text": "First I say this."}, {"text": "Then that."}], "pause_seconds": 0.3}
    with open_offline_model(script(slow)) as model:
        running = asyncio.create_task(place.runner.run(place.task(model.base_url), place.transcript))
        await until(lambda: place.transcript.last_text)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert [entry.kind for entry in place.transcript.entries if entry.kind != "note"] == ["prompt", "text", "usage"]


async def test_without_allowed_tools_nothing_can_be_changed(place: Place) -> None:
    write = calls("Write", file_path=str(place.workspace / "made.txt"), content="x")
    await place.drive(script(write, calls("Bash", command="touch made.txt"), says("done")), allowed_tools=())
    assert list(place.workspace.iterdir()) == []
