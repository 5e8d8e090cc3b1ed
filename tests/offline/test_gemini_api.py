import json
from collections.abc import Callable, Iterator

import httpx
import httpx2
import pytest
from google import genai
from google.genai import types
from google.genai.errors import APIError, UnknownApiResponseError

from sessions.offline import Script, open_offline_model
from sessions.offline.running import OfflineModel
from tests.fakes.scripts import Answer, says

MODEL = "gemini-2.5-flash"
HELLO = {"contents": [{"parts": [{"text": "hello"}]}]}
EVERYTHING = {
    "blocks": [
        {"thinking": "hm, {{ last }}"},
        {"text": "You said “{{ last }}”."},
        {"tool": "Bash", "input": {"command": "echo '{{ last }}'", "timeout": 5}},
    ],
    "usage": {"input_tokens": 11, "output_tokens": 70, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 3},
}
Chunks = list[types.GenerateContentResponse]
Ask = Callable[[OfflineModel], Chunks]


def one(answer: Answer, **when: object) -> Script:
    return Script.model_validate({"rules": [{"when": when, "answer": answer}]})


def client_of(model: OfflineModel) -> genai.Client:
    return genai.Client(vertexai=False, api_key="sk-test", http_options=types.HttpOptions(base_url=model.base_url))


def ask(model: OfflineModel) -> Chunks:
    with client_of(model) as client:
        return [client.models.generate_content(model=MODEL, contents="hello")]


def ask_streaming(model: OfflineModel) -> Chunks:
    with client_of(model) as client:
        return list(client.models.generate_content_stream(model=MODEL, contents="hello"))


@pytest.fixture
def everything() -> Iterator[OfflineModel]:
    with open_offline_model(one(EVERYTHING)) as model:
        yield model


@pytest.mark.parametrize("way", [ask, ask_streaming])
def test_the_real_client_reads_every_kind_of_part(everything: OfflineModel, way: Ask) -> None:
    chunks = way(everything)
    candidates = [candidate for chunk in chunks for candidate in chunk.candidates or ()]
    parts = [part for each in candidates if each.content for part in each.content.parts or ()]
    assert "".join(part.text or "" for part in parts if part.thought) == "hm, hello"
    assert "".join(part.text or "" for part in parts if not part.thought) == "You said “hello”."
    (call,) = [part.function_call for part in parts if part.function_call]
    assert (call.name, call.args, call.id) == ("Bash", {"command": "echo 'hello'", "timeout": 5}, None)
    assert (candidates[-1].finish_reason, chunks[-1].model_version) == (types.FinishReason.STOP, MODEL)


@pytest.mark.parametrize("way", [ask, ask_streaming])
def test_usage_is_counted_as_the_gemini_api_counts(everything: OfflineModel, way: Ask) -> None:
    usage = way(everything)[-1].usage_metadata
    assert usage
    assert (usage.prompt_token_count, usage.cached_content_token_count) == (19, 5)
    assert (usage.candidates_token_count, usage.thoughts_token_count) == (68, 2)
    assert usage.total_token_count == 89


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        ("invalid_request_error", 400, "INVALID_ARGUMENT"),
        ("authentication_error", 400, "INVALID_ARGUMENT"),
        ("permission_error", 403, "PERMISSION_DENIED"),
        ("not_found_error", 404, "NOT_FOUND"),
        ("rate_limit_error", 429, "RESOURCE_EXHAUSTED"),
        ("api_error", 500, "INTERNAL"),
        ("overloaded_error", 503, "UNAVAILABLE"),
    ],
)
@pytest.mark.parametrize("way", [ask, ask_streaming])
def test_the_real_client_reads_every_error(error: str, status: int, name: str, way: Ask) -> None:
    answer = {"error": {"type": error, "message": "so it is", "retry_after_seconds": 1.5}}
    with open_offline_model(one(answer)) as model, pytest.raises(APIError, match="so it is") as caught:
        way(model)
    assert (caught.value.code, caught.value.status) == (status, name)
    assert "'retryDelay': '1.5s'" in str(caught.value)


def test_a_stream_can_break_off_or_end_in_an_error() -> None:
    with open_offline_model(one(says("half", fault="cut_stream"))) as model, pytest.raises(httpx2.RemoteProtocolError):
        ask_streaming(model)
    failing = one(says("half", error={"type": "overloaded_error"}))
    with open_offline_model(failing) as model, pytest.raises(APIError, match="503 UNAVAILABLE"):
        ask_streaming(model)


def test_it_can_answer_nonsense() -> None:
    with open_offline_model(one({"fault": "invalid_json"})) as model, pytest.raises(UnknownApiResponseError):
        ask_streaming(model)
    with open_offline_model(one({"fault": "not_a_message"})) as model:
        assert [chunk.candidates for chunk in ask_streaming(model)] == [None]


@pytest.mark.parametrize("way", [ask, ask_streaming])
def test_what_only_gemini_says_is_said(way: Ask) -> None:
    blocked = {"gemini": {"block_reason": "SAFETY"}, "answered_by": "gemini-x"}
    with open_offline_model(one(blocked)) as model:
        last = way(model)[-1]
    assert last.prompt_feedback
    assert last.prompt_feedback.block_reason is types.BlockedReason.SAFETY
    assert (last.candidates, last.model_version) == (None, "gemini-x")


def test_one_rule_answers_both_apis() -> None:
    rules = one(says("{{ model }} {{ turn }} {{ last }}"), json_schema=False, model=MODEL)
    messages = {"model": MODEL, "max_tokens": 1, "messages": [{"role": "user", "content": "hello"}]}
    with open_offline_model(rules) as model:
        by_gemini = httpx.post(f"{model.base_url}/v1beta/models/{MODEL}:generateContent", json=HELLO).json()
        by_messages = httpx.post(f"{model.base_url}/v1/messages", json=messages).json()
    assert by_gemini["candidates"][0]["content"]["parts"] == [{"text": f"{MODEL} 0 hello"}]
    assert by_messages["content"][0]["text"] == f"{MODEL} 0 hello"


def test_a_conversation_is_recorded_as_it_came_and_in_the_words_of_the_messages_api(everything: OfflineModel) -> None:
    sent = {
        "systemInstruction": {"parts": [{"text": "Be kind."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "hello"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "Bash", "args": {"command": "true"}}}]},
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "Bash", "response": {"output": "fine"}}},
                    {"functionResponse": {"name": "Bash", "response": {"error": "bad"}}},
                ],
            },
        ],
        "generationConfig": {"temperature": 0.5, "maxOutputTokens": 9, "responseMimeType": "application/json"},
    }
    answer = httpx.post(f"{everything.base_url}/v1/models/{MODEL}:generateContent?key=sk-test", json=sent)
    (recorded,) = everything.requests
    assert answer.headers["x-offline-model"] == "true"
    assert recorded.sent == sent
    assert "sk-test" not in recorded.model_dump_json()
    assert (recorded.body["model"], recorded.body["temperature"], recorded.body["max_tokens"]) == (MODEL, 0.5, 9)
    assert recorded.body["system"] == [{"type": "text", "text": "Be kind."}]
    assert recorded.body["messages"][1]["content"][0]["name"] == "Bash"
    results = recorded.body["messages"][2]["content"]
    assert [(each["content"], each["is_error"]) for each in results] == [("fine", False), ("bad", True)]
    assert recorded.body["output_config"]["format"]["type"] == "json_schema"


def test_tokens_are_counted_without_an_answer(everything: OfflineModel) -> None:
    with client_of(everything) as client:
        counted = client.models.count_tokens(model=MODEL, contents="hello")
    assert (counted.total_tokens or 0) > 0


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (f"{MODEL}:generateContent", b"{", "the body is not JSON"),
        (f"{MODEL}:generateContent", b'{"contents": 7}', "contents: Input should be a valid list"),
        (f"{MODEL}:bidiGenerate", b"{}", "has no method 'bidiGenerate'"),
        (f"{MODEL}:generateContent", json.dumps(HELLO).encode(), "set GEMINI_API_KEY to use the real API"),
    ],
)
def test_what_cannot_be_answered_is_told_in_the_apis_own_form(path: str, body: bytes, words: str) -> None:
    with open_offline_model(one(says("x"), turn=3)) as model:
        answer = httpx.post(f"{model.base_url}/v1/models/{path}", content=body)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert words in answer.json()["error"]["message"]


def test_embeddings_are_the_same_each_time_and_near_where_words_are_shared(everything: OfflineModel) -> None:
    def embed(*texts: str) -> list[list[float]]:
        contents: types.ContentListUnion = [types.Content(parts=[types.Part(text=text)]) for text in texts]
        config = types.EmbedContentConfig(output_dimensionality=64)
        with client_of(everything) as client:
            answer = client.models.embed_content(model="gemini-embedding-001", contents=contents, config=config)
        return [each.values or [] for each in answer.embeddings or []]

    def product(one: list[float], other: list[float]) -> float:
        return sum(mine * its for mine, its in zip(one, other, strict=True))

    door, other_door, budget = embed("a red door", "the red door", "twelve budget months")
    assert embed("a red door") == [door]
    assert len(door) == 64
    assert product(door, other_door) > product(door, budget)


@pytest.mark.parametrize("body", [{}, {"requests": []}, {"content": {}}, {"requests": [{"content": {"parts": []}}]}])
def test_a_wrong_question_for_embeddings_is_refused(everything: OfflineModel, body: dict[str, object]) -> None:
    answer = httpx.post(f"{everything.base_url}/v1beta/models/gemini-embedding-001:batchEmbedContents", json=body)
    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_one_text_can_be_embedded_alone(everything: OfflineModel) -> None:
    url = f"{everything.base_url}/v1beta/models/gemini-embedding-001:embedContent"
    answer = httpx.post(url, json={"content": {"parts": [{"text": "a"}]}, "output_dimensionality": 8})
    assert len(answer.json()["embedding"]["values"]) == 8
