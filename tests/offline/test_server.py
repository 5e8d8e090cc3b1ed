import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx
import pytest
from anthropic.types import Message

from sessions.errors import ScriptError
from sessions.offline import Script, open_offline_model
from sessions.offline.running import OfflineModel
from tests.fakes.scripts import says

MODEL = "claude-haiku-4-5"
HELLO: Any = [{"role": "user", "content": "hello"}]
EVERYTHING = {
    "blocks": [
        {"thinking": "hm, {{ last }}"},
        {"text": "You said “{{ last }}”."},
        {"tool": "Bash", "input": {"command": "echo '{{ last }}'", "timeout": 5, "nested": ["{{ turn }}"]}},
    ],
    "usage": {"input_tokens": 11, "output_tokens": 7, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 3},
}

Ask = Callable[[OfflineModel], Message]


def one(answer: dict[str, Any], **when: object) -> Script:
    return Script.model_validate({"rules": [{"when": when, "answer": answer}]})


def client_of(model: OfflineModel) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="sk-test", base_url=model.base_url, max_retries=0, timeout=5)


def ask(model: OfflineModel, system: str = "") -> Message:
    with client_of(model) as client:
        return client.messages.create(model=MODEL, max_tokens=10, messages=HELLO, system=system)


def ask_streaming(model: OfflineModel) -> Message:
    with client_of(model) as client, client.messages.stream(model=MODEL, max_tokens=10, messages=HELLO) as stream:
        return stream.get_final_message()


@pytest.fixture
def everything() -> Iterator[OfflineModel]:
    with open_offline_model(one(EVERYTHING)) as model:
        yield model


@pytest.mark.parametrize("way", [ask, ask_streaming])
def test_the_real_client_reads_every_kind_of_block(everything: OfflineModel, way: Ask) -> None:
    answer = way(everything)
    thinking, text, call = (block.model_dump() for block in answer.content)
    assert (thinking["type"], thinking["thinking"]) == ("thinking", "hm, hello")
    assert (text["type"], text["text"]) == ("text", "You said “hello”.")
    assert (call["type"], call["name"]) == ("tool_use", "Bash")
    assert call["input"] == {"command": "echo 'hello'", "timeout": 5, "nested": ["0"]}
    assert (answer.stop_reason, answer.model, answer.role) == ("tool_use", MODEL, "assistant")
    usage = answer.usage
    assert (usage.input_tokens, usage.output_tokens) == (11, 7)
    assert (usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (5, 3)


def test_every_answer_says_that_it_is_not_a_models(everything: OfflineModel) -> None:
    body = {"model": MODEL, "max_tokens": 1, "messages": HELLO}
    with httpx.Client(base_url=everything.base_url) as client:
        answers = [
            client.post("/v1/messages?beta=true", json=body),
            client.post("/v1/messages", json={**body, "stream": True}),
            client.post("/v1/messages", content=b"{"),
            client.post("/v1/nothing", json=body),
            client.get("/"),
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 400, 404, 200]
    assert all(answer.headers["x-offline-model"] == "true" for answer in answers)


def test_tokens_are_estimated_the_same_each_time() -> None:
    with open_offline_model(one(says("a" * 400))) as model:
        first, second = ask(model), ask_streaming(model)
        with client_of(model) as client:
            counted = client.messages.count_tokens(model=MODEL, messages=HELLO)
    assert first.usage.output_tokens == second.usage.output_tokens > 100
    assert first.usage.input_tokens == second.usage.input_tokens == counted.input_tokens > 0


@pytest.mark.parametrize(
    ("error", "raised", "status"),
    [
        ("invalid_request_error", anthropic.BadRequestError, 400),
        ("authentication_error", anthropic.AuthenticationError, 401),
        ("permission_error", anthropic.PermissionDeniedError, 403),
        ("not_found_error", anthropic.NotFoundError, 404),
        ("rate_limit_error", anthropic.RateLimitError, 429),
        ("api_error", anthropic.InternalServerError, 500),
        ("overloaded_error", anthropic.InternalServerError, 529),
    ],
)
@pytest.mark.parametrize("way", [ask, ask_streaming])
def test_the_real_client_reads_every_error(
    error: str, raised: type[anthropic.APIStatusError], status: int, way: Ask
) -> None:
    answer = {"error": {"type": error, "message": "so it is", "retry_after_seconds": 1.5}}
    with open_offline_model(one(answer)) as model, pytest.raises(raised, match="so it is") as caught:
        way(model)
    assert caught.value.status_code == status
    assert caught.value.response.headers["retry-after"] == "1.5"


def test_a_stream_can_break_off_or_end_in_an_error() -> None:
    lines: list[str] = []
    for breaking in ({"fault": "cut_stream"}, {"error": {"type": "overloaded_error"}}):
        with open_offline_model(one(says("half", **breaking))) as model, httpx.Client() as client:
            body = {"model": MODEL, "messages": HELLO, "stream": True}
            try:
                with client.stream("POST", f"{model.base_url}/v1/messages", json=body) as answer:
                    lines.extend(line for line in answer.iter_lines() if line.startswith("event"))
            except httpx.RemoteProtocolError:
                lines.append("broken")
    assert [line.removeprefix("event: ") for line in lines] == [
        *("message_start", "content_block_start", "content_block_delta", "content_block_delta", "broken"),
        *("message_start", "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"),
        "error",
    ]


@pytest.mark.parametrize("fault", ["invalid_json", "not_a_message"])
def test_it_can_answer_nonsense(fault: str) -> None:
    with open_offline_model(one({"fault": fault})) as model:
        answer = httpx.post(f"{model.base_url}/v1/messages", json={"model": MODEL, "messages": HELLO})
    assert answer.status_code == 200
    assert '"role"' not in answer.text


def test_it_waits_as_long_as_the_script_says() -> None:
    with open_offline_model(one(says("slow", delay_seconds=0.2))) as model:
        started = time.monotonic()
        ask(model)
    assert time.monotonic() - started >= 0.2


def test_it_stops_at_once_in_the_middle_of_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    with open_offline_model(one(says("never", delay_seconds=600))) as model, httpx.Client() as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post(f"{model.base_url}/v1/messages", json={"model": MODEL, "messages": HELLO}, timeout=0.1)
        started = time.monotonic()
    assert time.monotonic() - started < 2
    assert caplog.messages == []


def test_requests_are_recorded_without_keys(everything: OfflineModel) -> None:
    started = time.monotonic()
    ask(everything, system="Be kind.")
    (recorded,) = everything.wait_for_requests(1, timeout_seconds=1)
    assert recorded.body["system"] == "Be kind."
    assert recorded.path == "/v1/messages"
    assert recorded.headers["anthropic-version"]
    assert "sk-test" not in recorded.model_dump_json()
    assert started <= recorded.arrived <= time.monotonic()
    with pytest.raises(TimeoutError, match="1 of 2 requests"):
        everything.wait_for_requests(2, timeout_seconds=0.05)


def test_a_request_without_a_rule_is_told_what_is_missing() -> None:
    with open_offline_model(one(says("x"), turn=3)) as model, pytest.raises(anthropic.BadRequestError) as caught:
        ask(model)
    assert "no rule for turn 0 with no tools and no JSON schema" in str(caught.value)
    assert "'hello'" in str(caught.value)


def test_a_template_that_asks_for_what_is_not_there_is_told() -> None:
    with open_offline_model(one(says("{{ results[4] }}"))) as model, pytest.raises(anthropic.BadRequestError) as caught:
        ask(model)
    assert "results[4]" in str(caught.value)


def test_a_taken_port_is_a_sentence(everything: OfflineModel) -> None:
    with (
        pytest.raises(ScriptError, match=f"cannot use port {everything.port}"),
        open_offline_model(one(says("x")), everything.port),
    ):
        pass


def test_the_process_prints_its_address_first_and_stops_when_asked(tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text(json.dumps({"rules": [{"answer": says("from a process")}]}))
    argv = [sys.executable, "-m", "sessions.offline", "--script", str(script)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        base_url = process.stdout.readline().strip()
        answer = httpx.post(f"{base_url}/v1/messages", json={"model": MODEL, "messages": HELLO})
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
        assert (process.stdout.read(), process.stderr.read()) == ("", "")
    assert base_url.startswith("http://127.0.0.1:")
    assert answer.json()["content"] == [{"type": "text", "text": "from a process"}]


def test_the_process_says_in_a_sentence_what_is_wrong_with_its_script(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "sessions.offline", "--script", str(tmp_path / "none.yaml")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "none.yaml: the script cannot be read" in done.stderr
    assert len(done.stderr.splitlines()) == 1
