import asyncio
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from google.genai import types
from google.genai.errors import APIError

from sessions.gemini_api import explain_gemini_error, wait_seconds
from sessions.models import Usage, find_model
from sessions.offline import Script, open_offline_model
from sessions.runners import open_runner
from sessions.runners.base import Runner, Stop
from sessions.runners.gemini import GeminiRunner
from sessions.runners.gemini_answers import Chunks, Hearing
from sessions.runners.turn_log import TurnLog
from tests.contracts.limits import LimitsContract
from tests.contracts.runners import RunnerContract
from tests.contracts.session_tools import SessionToolsContract
from tests.fakes.driving import Place, until
from tests.fakes.scripts import Answer, calls, says, script

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
STOP = types.FinishReason.STOP
FLASH = find_model("gemini-2.5-flash")


class TestGeminiRunner(RunnerContract, LimitsContract, SessionToolsContract):
    model = FLASH
    key_variable = "GEMINI_API_KEY"
    address_variable = "GOOGLE_GEMINI_BASE_URL"
    # Writing a cache costs there what any input costs, and is not counted apart.
    one_call = Usage(input_tokens=1_000_030, output_tokens=1000, cache_read_tokens=200)
    one_call_usd = 0.300009 + 0.0025 + 0.000006

    @pytest.fixture
    def runner(self) -> Runner:
        return open_runner("gemini")

    def thinking_of(self, body: dict[str, object]) -> object:
        return body["thinking_budget"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    return Place(GeminiRunner(clock=lambda: NOON), tmp_path, environment, FLASH)


def first_then(first: Answer, then: Answer) -> Script:
    return Script.model_validate({"rules": [{"when": {"use": 1}, "answer": first}, {"answer": then}]})


async def test_entries_carry_the_time_of_the_clock(place: Place) -> None:
    driven = await place.drive(script(says("done")))
    assert {entry.at for entry in driven.transcript.entries} == {NOON}


async def test_the_real_spelling_is_streamed_with_its_key_in_the_header(place: Place) -> None:
    with open_offline_model(script(says("done"))) as model:
        await place.runner.run(place.task(model.base_url), place.transcript)
        (asked,) = model.requests
    assert asked.path == "/v1/models/gemini-2.5-flash:streamGenerateContent"
    assert "sk-test" not in asked.model_dump_json()
    declared = asked.sent["tools"][0]["functionDeclarations"]
    assert [each["name"] for each in declared] == ["Bash", "Read", "Write", "Edit", "Glob", "Grep"]


@pytest.mark.parametrize(("id_", "least"), [("gemini-2.5-flash", 0), ("gemini-2.5-pro", 128)])
async def test_the_model_thinks_as_little_as_it_can(place: Place, id_: str, least: int) -> None:
    driven = await place.drive(script(says("done")), model=find_model(id_))
    assert driven.bodies[0]["thinking_budget"] == least


async def test_a_model_that_takes_no_thinking_setting_is_sent_none(place: Place) -> None:
    plain = FLASH.model_copy(update={"thinking_tokens_min": None})
    driven = await place.drive(script(says("done")), model=plain)
    assert "thinking_budget" not in driven.bodies[0]


async def test_the_temperature_goes_up_to_two(place: Place) -> None:
    driven = await place.drive(script(says("done")), temperature=2.0)
    assert driven.bodies[0]["temperature"] == 2.0


async def test_a_key_or_switch_of_the_clients_own_in_the_environment_changes_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, "sk-of-another")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "another")
    driven = await place.drive(script(says("done")), api_key="")
    assert driven.end.final_text == "done"
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


async def test_calls_of_one_answer_get_ids_of_their_own(place: Place) -> None:
    both = {"blocks": [{"tool": "Bash", "input": {"command": f"echo {word}"}} for word in ("one", "two")]}
    driven = await place.drive(script(both, says("done")))
    entries = [entry for entry in driven.transcript.entries if entry.kind in ("tool_call", "tool_result")]
    assert [entry.tool_call_id for entry in entries] == ["call_1_1", "call_1_2"] * 2
    assert driven.asked[1].results == ["one", "two"]


async def test_thoughts_stay_out_of_the_conversation_and_signatures_go_back_as_they_came(place: Place) -> None:
    thoughtful = {
        "blocks": [{"thinking": "hm, hm"}, {"text": "I look."}, {"tool": "Bash", "input": {"command": "true"}}]
    }
    with open_offline_model(script(thoughtful, says("done"))) as model:
        await place.runner.run(place.task(model.base_url), place.transcript)
        _, second = model.requests
    said, call = second.sent["contents"][1]["parts"]
    assert said == {"text": "I look."}
    assert b64decode(call["thoughtSignature"]) == b"offline_1_0"
    assert second.sent["contents"][1]["role"] == "model"


async def test_thoughts_cost_what_words_cost(place: Place) -> None:
    thoughtful = {"blocks": [{"thinking": "hm " * 400}, {"text": "Done."}], "usage": {"output_tokens": 1000}}
    driven = await place.drive(script(thoughtful))
    assert driven.transcript.usage.output_tokens == 1000


async def test_an_answer_cut_at_max_tokens_is_kept_with_a_note(place: Place) -> None:
    torn = {**calls("Bash", "The door is", command="touch made"), "stop_reason": "max_tokens"}
    driven = await place.drive(script(torn), max_tokens=7)
    assert (driven.end.stop, driven.end.final_text) == (Stop.FINISHED, "The door is")
    notes = [entry.text for entry in driven.transcript.entries if entry.kind == "note"]
    assert notes == ["The answer was cut off at max_tokens=7."]
    assert list(place.workspace.iterdir()) == []


@pytest.mark.parametrize("reason", ["SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION"])
async def test_an_answer_that_a_filter_blocks_is_a_refusal(place: Place, reason: str) -> None:
    driven = await place.drive(script(says("I was about to", gemini={"finish_reason": reason})), retries=1)
    assert (driven.end.stop, driven.end.final_text, len(driven.bodies)) == (Stop.REFUSED, "I was about to", 1)
    assert reason in driven.end.error


async def test_a_prompt_that_is_blocked_is_a_refusal(place: Place) -> None:
    driven = await place.drive(script({"gemini": {"block_reason": "PROHIBITED_CONTENT"}}), retries=1)
    assert (driven.end.stop, len(driven.bodies)) == (Stop.REFUSED, 1)
    assert "blocked the prompt (PROHIBITED_CONTENT)" in driven.end.error


async def test_an_answer_that_ends_for_another_reason_is_a_failure_that_names_it(place: Place) -> None:
    driven = await place.drive(script(says("Hm.", gemini={"finish_reason": "LANGUAGE"})))
    assert (driven.end.stop, driven.end.error) == (Stop.FAILED, "the Gemini API ended the answer for LANGUAGE")


SLIPS: list[Answer] = [
    {"gemini": {"finish_reason": "MALFORMED_FUNCTION_CALL"}},
    {"gemini": {"finish_reason": "STOP"}},
    says("I was", fault="cut_stream"),
    says("I was", error={"type": "overloaded_error"}),
    {"error": {"type": "rate_limit_error", "retry_after_seconds": 0.01}},
    {"error": {"type": "api_error"}},
]


@pytest.mark.parametrize("slip", SLIPS, ids=["malformed", "empty", "cut", "overloaded", "429", "500"])
async def test_an_answer_that_did_not_come_whole_is_asked_for_again(place: Place, slip: Answer) -> None:
    driven = await place.drive(first_then(slip, says("done")), retries=1)
    assert (driven.end.stop, driven.end.final_text, driven.transcript.turns) == (Stop.FINISHED, "done", 1)
    assert any("asked for again" in entry.text for entry in driven.transcript.entries if entry.kind == "note")


@pytest.mark.parametrize("slip", SLIPS[:2], ids=["malformed", "empty"])
async def test_an_answer_that_never_comes_whole_is_a_failure(place: Place, slip: Answer) -> None:
    driven = await place.drive(script(slip), retries=1)
    assert (driven.end.stop, len(driven.bodies)) == (Stop.FAILED, 2)
    assert driven.end.error.startswith("the model")


async def test_a_server_that_wants_a_long_rest_is_not_waited_for(place: Place) -> None:
    driven = await place.drive(script({"error": {"type": "rate_limit_error", "retry_after_seconds": 3600}}), retries=2)
    assert (driven.end.stop, len(driven.bodies)) == (Stop.FAILED, 1)


@pytest.mark.parametrize("kind", ["invalid_request_error", "authentication_error", "not_found_error"])
async def test_what_will_not_get_better_is_not_asked_again(place: Place, kind: str) -> None:
    driven = await place.drive(script({"error": {"type": kind}}), retries=2)
    assert (driven.end.stop, len(driven.bodies)) == (Stop.FAILED, 1)


async def test_what_was_said_before_a_stream_broke_off_is_kept_and_counted(place: Place) -> None:
    driven = await place.drive(script(says("I was about to say", fault="cut_stream")))
    assert driven.end.final_text == "I was abo"
    assert driven.kinds == ["prompt", "text", "usage"]
    assert driven.transcript.usage.input_tokens > 0


async def test_a_cancelled_run_keeps_what_was_said_in_the_middle_of_an_answer(place: Place) -> None:
    slow = {"blocks": [{"text": "First I say this."}, {"thinking": "hm"}, {"text": "Then that."}], "pause_seconds": 0.3}
    with open_offline_model(script(slow)) as model:
        running = asyncio.create_task(place.runner.run(place.task(model.base_url), place.transcript))
        await until(lambda: place.transcript.last_text)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    said = [entry.text for entry in place.transcript.entries if entry.kind == "text"]
    assert said == ["First I say this."]
    assert place.transcript.entries[-1].kind == "usage"


@pytest.mark.parametrize("address", ["not-an-address", "http://[::1"])
async def test_an_address_that_is_none_ends_in_a_sentence(place: Place, address: str) -> None:
    end = await place.runner.run(place.task(address), place.transcript)
    assert end.stop is Stop.FAILED
    assert "GOOGLE_GEMINI_BASE_URL" in end.error


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"code": 400, "message": "The input exceeds the maximum number of tokens allowed."}, "outgrew the model"),
        ({"code": 400, "status": "FAILED_PRECONDITION"}, "is not offered there"),
        ({"code": 401, "status": "UNAUTHENTICATED"}, "GEMINI_API_KEY"),
        ({"code": 413}, "too large"),
        ({"code": 504, "status": "DEADLINE_EXCEEDED"}, "in time"),
        ({"code": 302}, "302"),
        ("no object", "400"),
        (["a", "list"], "400"),
    ],
)
def test_every_status_is_a_sentence(body: object, words: str) -> None:
    error = APIError(body["code"] if isinstance(body, dict) else 400, {"error": body})
    assert words in explain_gemini_error(error)
    assert wait_seconds(error) is None


@pytest.mark.parametrize(
    "error", [httpx2.ReadTimeout("x"), httpx2.ConnectTimeout("x"), httpx2.RemoteProtocolError("x"), KeyError("x")]
)
def test_every_trouble_on_the_way_is_a_sentence(error: Exception) -> None:
    assert " " in explain_gemini_error(error)


async def test_an_id_that_the_model_gives_its_call_goes_back_with_the_result(place: Place) -> None:
    named = types.Part(function_call=types.FunctionCall(id="f1", name="Bash", args={"command": "true"}))
    hearing = Hearing(TurnLog(place.transcript, lambda: NOON))
    await hearing.listen(as_chunks(types.Candidate(content=types.Content(parts=[named]), finish_reason=STOP)))
    (call,) = hearing.judged(FLASH).calls
    assert call.id == "f1"
    assert [part.function_call for part in hearing.content.parts or ()] == [named.function_call]


async def as_chunks(*candidates: types.Candidate) -> Chunks:
    for candidate in candidates:
        yield types.GenerateContentResponse(candidates=[candidate])
