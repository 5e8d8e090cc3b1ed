"""What every Runner keeps to. A runner's own test subclasses `RunnerContract` and says how it is made."""

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from sessions.models import Usage
from sessions.offline import Script, open_offline_model
from sessions.redaction import Redactor
from sessions.runners.base import AgentEnd, Denial, Runner, Stop
from sessions.transcript import Transcript
from tests.fakes.driving import LIMIT_SECONDS, SONNET, Place, is_running, until
from tests.fakes.scripts import calls, says, script

COUNTED = {
    "input_tokens": 1_000_000,
    "output_tokens": 1000,
    "cache_read_input_tokens": 200,
    "cache_creation_input_tokens": 30,
}
CIRCLES = "You are going in circles"
ONE_CALL = Usage(input_tokens=1_000_000, output_tokens=1000, cache_read_tokens=200, cache_write_tokens=30)


class RunnerContract:
    """Subclass it and override `runner`, and `environment` if the runtime needs more.

    For another provider override `model`, the variables that its errors name, and how it counts and prices `COUNTED`.
    """

    model = SONNET
    key_variable = "ANTHROPIC_API_KEY"
    address_variable = "ANTHROPIC_BASE_URL"
    one_call = ONE_CALL
    one_call_usd = 3.0 + 0.015 + 0.0000600 + 0.0001125

    @pytest.fixture
    def runner(self) -> Runner:
        raise NotImplementedError

    @pytest.fixture
    def environment(self, tmp_path: Path) -> dict[str, str]:
        home = tmp_path / "home"
        home.mkdir()
        return {"PATH": os.environ["PATH"], "HOME": str(home)}

    @pytest.fixture
    def place(self, runner: Runner, tmp_path: Path, environment: dict[str, str]) -> Place:
        return Place(runner, tmp_path, environment, self.model)

    async def test_model_temperature_and_max_tokens_reach_every_request(self, place: Place) -> None:
        driven = await place.drive(script(calls("Bash", command="true"), says("done")))
        asked = [(body["model"], body["temperature"], body["max_tokens"]) for body in driven.bodies]
        assert asked == [(self.model.id, 0.3, 1234)] * 2

    async def test_prompt_and_context_reach_the_model(self, place: Place) -> None:
        driven = await place.drive(script(says("done")))
        assert driven.asked[0].prompt == "Look around."
        assert "You know that the door is green." in driven.asked[0].system_text

    async def test_a_tool_call_is_really_executed_and_its_result_goes_back(self, place: Place) -> None:
        driven = await place.drive(
            script(calls("Bash", command="echo one | tee made.txt"), says("It said: {{ results[0] }}"))
        )
        assert (place.workspace / "made.txt").read_text() == "one\n"
        assert driven.end == AgentEnd(stop=Stop.FINISHED, final_text="It said: one")

    async def test_files_are_written_read_and_edited_in_the_workspace(self, place: Place) -> None:
        path = place.workspace / "notes" / "a.txt"
        file = str(path)
        driven = await place.drive(
            script(
                calls("Write", file_path=file, content="a red door\n"),
                calls("Read", file_path=file),
                calls("Edit", file_path=file, old_string="red", new_string="green"),
                says("done"),
            )
        )
        assert path.read_text() == "a green door\n"
        assert "a red door" in driven.results[1]

    async def test_tools_start_in_the_workspace(self, place: Place) -> None:
        driven = await place.drive(script(calls("Bash", command="pwd -P"), says("done")))
        assert driven.results == [str(place.workspace.resolve())]

    async def test_without_allowed_tools_the_model_is_offered_the_safe_set(self, place: Place) -> None:
        driven = await place.drive(script(says("done")), allowed_tools=())
        assert set(driven.asked[0].tool_names) == {rule.partition("(")[0] for rule in place.runner.safe_tools}

    async def test_a_denied_call_is_reported_and_the_run_goes_on(self, place: Place) -> None:
        driven = await place.drive(
            script(calls("Bash", command="touch made.txt"), says("I could not.")), allowed_tools=("Bash(git log:*)",)
        )
        assert driven.end.denials == (Denial(tool="Bash", arguments={"command": "touch made.txt"}),)
        assert driven.end.stop is Stop.FINISHED
        assert not (place.workspace / "made.txt").exists()
        denied = next(entry for entry in driven.transcript.entries if entry.kind == "tool_result")
        assert denied.is_error

    @pytest.mark.parametrize("glue", [" && ", "; ", " | ", "\n", " & ", " || ", " $(", " `"])
    async def test_an_allowed_prefix_does_not_let_a_second_command_through(self, place: Place, glue: str) -> None:
        ending = {" $(": ")", " `": "`"}.get(glue, "")
        both = calls("Bash", command=f"true{glue}touch made{ending}")
        driven = await place.drive(script(both, says("done")), allowed_tools=("Bash(true:*)",))
        assert not (place.workspace / "made").exists()
        assert [denial.tool for denial in driven.end.denials] == ["Bash"]

    async def test_an_allowed_prefix_lets_its_command_through(self, place: Place) -> None:
        driven = await place.drive(
            script(calls("Bash", command="echo 'a; b' && echo c"), says("done")), allowed_tools=("Bash(echo:*)",)
        )
        assert driven.results == ["a; b\nc"]
        assert driven.end.denials == ()

    async def test_disallowed_tools_win_over_allowed_ones(self, place: Place) -> None:
        (place.workspace / "kept").touch()
        driven = await place.drive(
            script(calls("Bash", command="rm kept"), calls("Bash", command="echo fine"), says("done")),
            allowed_tools=("Bash",),
            disallowed_tools=("Bash(rm:*)",),
        )
        assert (place.workspace / "kept").exists()
        assert driven.results[1] == "fine"

    async def test_a_disallowed_tool_is_not_offered(self, place: Place) -> None:
        driven = await place.drive(script(says("done")), disallowed_tools=("Write", "Edit"))
        assert {"Bash", "Read"} <= set(driven.asked[0].tool_names)
        assert not {"Write", "Edit"} & set(driven.asked[0].tool_names)

    async def test_max_turns_ends_the_run_before_the_next_request(self, place: Place) -> None:
        driven = await place.drive(script(calls("Bash", "Again.", command="true")), max_turns=2)
        assert (driven.end.stop, len(driven.bodies), driven.transcript.turns) == (Stop.MAX_TURNS, 2, 2)
        assert driven.end.final_text == "Again."

    async def test_an_answer_within_max_turns_is_finished(self, place: Place) -> None:
        driven = await place.drive(script(says("done")), max_turns=1)
        assert driven.end.stop is Stop.FINISHED

    async def test_going_in_circles_is_warned_of_at_5_calls_and_stopped_at_20(self, place: Place) -> None:
        driven = await place.drive(script(calls("Bash", "Again.", command="echo x")))
        assert (driven.end.stop, driven.end.final_text, len(driven.bodies)) == (Stop.LOOP, "Again.", 20)
        assert driven.end.error == "Bash(echo x) was called 20 times in a row with the same result"
        warning = f"{CIRCLES}: Bash(echo x) was called 5 times in a row with the same result."
        assert warning in str(driven.bodies[5]["messages"][-1])
        assert [n for n, body in enumerate(driven.bodies) if CIRCLES in str(body["messages"][-1])] == [5, 10, 15]
        assert warning in "".join(entry.text for entry in driven.transcript.entries if entry.kind == "note")

    async def test_circles_are_warned_of_and_stopped_where_the_task_says(self, place: Place) -> None:
        both = {"blocks": [{"tool": "Bash", "input": {"command": command}} for command in ("echo x", "exit 3")]}
        driven = await place.drive(script(both), loop_warn_after=6, loop_stop_after=8)
        assert (driven.end.stop, len(driven.bodies)) == (Stop.LOOP, 4)
        assert "the same 2 calls came in turn with the same results, 8 calls in all" in driven.end.error
        assert [CIRCLES in str(body["messages"][-1]) for body in driven.bodies] == [False, False, False, True]

    async def test_denied_calls_are_circles_too(self, place: Place) -> None:
        denied = calls("Bash", command="touch made")
        driven = await place.drive(script(denied), allowed_tools=("Bash(git log:*)",), loop_stop_after=3)
        assert (driven.end.stop, len(driven.end.denials)) == (Stop.LOOP, 3)

    async def test_what_is_said_of_circles_holds_no_secret(self, place: Place) -> None:
        place.transcript = Transcript(place.transcript.path, Redactor({"DOOR_TOKEN": "open-sesame"}))
        driven = await place.drive(script(calls("Bash", command="echo open-sesame")), loop_stop_after=2)
        assert driven.end.error == "Bash(echo [redacted]) was called 2 times in a row with the same result"

    async def test_a_poll_is_no_circle(self, place: Place) -> None:
        poll = calls("Bash", command="while test -e busy; do sleep 5; done; echo idle")
        driven = await place.drive(script(*[poll] * 5, says("done")), loop_warn_after=2, loop_stop_after=3)
        assert (driven.end.stop, driven.results) == (Stop.FINISHED, ["idle"] * 5)
        assert CIRCLES not in str(driven.bodies)

    async def test_usage_is_what_the_provider_counted(self, place: Place) -> None:
        answers = ({**calls("Bash", command="true"), "usage": COUNTED}, says("done", usage=COUNTED))
        driven = await place.drive(script(*answers))
        assert [entry.usage for entry in driven.transcript.entries if entry.usage] == [self.one_call] * 2
        assert self.model.cost_usd(driven.transcript.usage) == pytest.approx(2 * self.one_call_usd)

    async def test_the_transcript_holds_everything_in_its_order(self, place: Place) -> None:
        first = {"blocks": [{"thinking": "hm"}, {"text": "I look."}, {"tool": "Bash", "input": {"command": "echo x"}}]}
        driven = await place.drive(script(first, says("Found x.")))
        turn_1 = ["thinking", "text", "tool_call", "usage", "tool_result"]
        assert driven.kinds == ["prompt", *turn_1, "text", "usage"]
        entries = [entry for entry in driven.transcript.entries if entry.kind != "note"]
        assert [entry.turn for entry in entries] == [0, 1, 1, 1, 1, 1, 2, 2]
        assert [entry.text for entry in entries if entry.text] == ["Look around.", "hm", "I look.", "x", "Found x."]
        call, result = entries[3], entries[5]
        assert (call.tool, call.arguments, call.tool_call_id) == ("Bash", {"command": "echo x"}, result.tool_call_id)
        assert (result.tool, result.is_error) == ("Bash", False)

    async def test_a_failing_command_is_an_error_result_and_the_run_goes_on(self, place: Place) -> None:
        driven = await place.drive(script(calls("Bash", command="echo oh; exit 3"), says("done")))
        failed = next(entry for entry in driven.transcript.entries if entry.kind == "tool_result")
        assert failed.is_error
        assert "oh" in failed.text
        assert "3" in failed.text
        assert (driven.end.stop, driven.end.denials) == (Stop.FINISHED, ())

    async def test_entries_are_on_disk_while_the_run_goes_on(self, place: Place) -> None:
        slow = says("done", delay_seconds=60)
        with open_offline_model(script(calls("Bash", command="echo early"), slow)) as model:
            running = asyncio.create_task(place.runner.run(place.task(model.base_url), place.transcript))
            await until(lambda: len(model.requests) == 2)
            await until(lambda: b"early" in place.transcript.path.read_bytes())
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    async def test_cancelling_ends_the_commands_that_still_run(self, place: Place) -> None:
        command = "sleep 300 & echo $! $$ > pids.new && mv pids.new pids; wait"
        pids = place.workspace / "pids"
        with open_offline_model(script(calls("Bash", command=command), says("done"))) as model:
            running = asyncio.create_task(place.runner.run(place.task(model.base_url), place.transcript))
            await until(pids.exists)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        started = [int(pid) for pid in pids.read_text().split()]
        await until(lambda: not any(is_running(pid) for pid in started), 5.0)
        assert "tool_call" in [entry.kind for entry in place.transcript.entries]

    async def test_tools_see_the_tasks_environment_and_no_other(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DOOR_SECRET", "green-and-quiet")
        place.environment["DOOR_COLOUR"] = "red"
        driven = await place.drive(script(calls("Bash", command="env"), says("done")))
        assert "DOOR_COLOUR=red" in driven.results[0]
        assert "green-and-quiet" not in driven.results[0]

    @pytest.mark.parametrize(
        ("answer", "word"),
        [
            ({"error": {"type": "authentication_error"}}, "{key}"),
            ({"error": {"type": "permission_error"}}, "{key}"),
            ({"error": {"type": "not_found_error"}}, "model"),
            ({"error": {"type": "rate_limit_error"}}, "rate limit"),
            ({"error": {"type": "overloaded_error"}}, "overloaded"),
            ({"error": {"type": "api_error"}}, "500"),
            ({"error": {"type": "invalid_request_error"}}, "400"),
            ({"fault": "invalid_json"}, "{address}"),
            ({"fault": "not_a_message"}, "{address}"),
        ],
        ids=["401", "403", "404", "429", "529", "500", "400", "invalid_json", "not_a_message"],
    )
    async def test_an_api_error_ends_in_a_sentence(self, place: Place, answer: dict[str, Any], word: str) -> None:
        driven = await place.drive(script(answer))
        assert driven.end.stop is Stop.FAILED
        assert word.format(key=self.key_variable, address=self.address_variable) in driven.end.error
        assert "\n" not in driven.end.error

    async def test_a_stream_that_breaks_off_ends_in_a_sentence(self, place: Place) -> None:
        driven = await place.drive(script(says("I was about to say", fault="cut_stream")))
        assert driven.end.stop is Stop.FAILED
        assert driven.end.error
        assert "\n" not in driven.end.error

    async def test_what_was_done_before_an_api_error_stays_in_the_transcript(self, place: Place) -> None:
        driven = await place.drive(
            script(calls("Bash", "I look.", command="echo x"), {"error": {"type": "overloaded_error"}})
        )
        assert (driven.end.stop, driven.end.final_text, driven.results) == (Stop.FAILED, "I look.", ["x"])

    async def test_a_server_that_is_not_there_ends_in_a_sentence(self, place: Place) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            task = place.task(f"http://127.0.0.1:{taken.getsockname()[1]}")
            end = await asyncio.wait_for(place.runner.run(task, place.transcript), LIMIT_SECONDS)
        assert end.stop is Stop.FAILED
        assert "cannot be reached" in end.error

    async def test_a_call_that_failed_for_the_moment_is_tried_again(self, place: Place) -> None:
        overloaded = {"error": {"type": "overloaded_error", "retry_after_seconds": 0.1}}
        rules = script(says("done"))
        first = {"when": {"has_tools": True, "use": 1}, "answer": overloaded}
        rules = Script.model_validate({"rules": [first, *rules.model_dump()["rules"]]})
        driven = await place.drive(rules, retries=1)
        assert (driven.end.stop, driven.end.final_text) == (Stop.FINISHED, "done")

    async def test_another_model_in_place_of_the_asked_one_ends_the_run_before_its_calls(self, place: Place) -> None:
        other = f"{self.model.id.partition('-')[0]}-9-mini"
        slow = {**calls("Bash", "I look.", command="touch made"), "answered_by": other, "pause_seconds": 0.3}
        driven = await place.drive(script(slow, says("done")))
        assert (driven.end.stop, len(driven.bodies)) == (Stop.FAILED, 1)
        assert f"{other} answered in place of {self.model.id}" in driven.end.error
        assert not (place.workspace / "made").exists()

    async def test_a_servers_own_name_for_the_model_is_no_other_model(self, place: Place) -> None:
        driven = await place.drive(script(says("done", answered_by="my-proxys-name")))
        assert (driven.end.stop, driven.end.final_text) == (Stop.FINISHED, "done")

    async def test_a_refusal_is_a_refusal(self, place: Place) -> None:
        driven = await place.drive(script(says("I will not.", stop_reason="refusal")))
        assert driven.end.stop is Stop.REFUSED
        assert driven.end.error
