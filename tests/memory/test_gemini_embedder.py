"""Vectors by the real client, from the loopback server that speaks the Gemini API."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from sessions.errors import MemoryStoreError
from sessions.memory import open_memory
from sessions.memory.embedder import Vector, open_embedder
from sessions.memory.gemini import BATCH, DIMENSIONS, MAX_CHARACTERS, GeminiEmbedder
from sessions.memory.sqlite import SqliteMemory
from sessions.offline import Script, open_offline_model
from sessions.offline.running import OfflineModel
from sessions.settings import ModelAccess, Settings
from tests.fakes.observations import an_observation
from tests.fakes.scripts import says

MODEL = "gemini-embedding-001"
KEY = "sk-of-a-test"


def embedder_at(base_url: str, *, retries: int = 0) -> GeminiEmbedder:
    return GeminiEmbedder(MODEL, ModelAccess(api_key=SecretStr(KEY), base_url=base_url), retries=retries)


def failing(*answers: dict[str, object]) -> Script:
    """Each answer once, in order, for the embedding model; afterwards vectors."""
    rules = [{"when": {"model": MODEL, "use": 1}, "answer": answer} for answer in answers]
    return Script.model_validate({"rules": [*rules, {"answer": says("hello")}]})


@pytest.fixture
def server() -> Iterator[OfflineModel]:
    with open_offline_model(failing()) as model:
        yield model


@pytest.fixture
def embedder(server: OfflineModel) -> GeminiEmbedder:
    return embedder_at(server.base_url)


def cosine(one: Vector, other: Vector) -> float:
    return float(one @ other)


def test_texts_come_back_in_order_at_length_one(embedder: GeminiEmbedder) -> None:
    found = embedder.embed_texts(["a red door", "the red door", "a budget for May"])
    vectors = [each.vector for each in found]
    assert [each.tokens for each in found] == [[], [], []]
    assert all(vector.shape == (DIMENSIONS,) and vector.dtype == np.float32 for vector in vectors)
    assert [float(np.linalg.norm(vector)) for vector in vectors] == pytest.approx([1, 1, 1], abs=1e-5)
    assert cosine(vectors[0], vectors[1]) > cosine(vectors[0], vectors[2]) + 0.3
    query = embedder.embed_query("red door", lambda _: pytest.fail("it weighs by itself"))
    assert cosine(query, vectors[0]) > cosine(query, vectors[2]) + 0.3


def test_the_request_says_what_the_vectors_are_for(embedder: GeminiEmbedder, server: OfflineModel) -> None:
    embedder.embed_texts(["to be found"])
    embedder.embed_query("searched for", list)
    found, searched = (request.sent["requests"][0] for request in server.requests)
    assert (found["taskType"], searched["taskType"]) == ("RETRIEVAL_DOCUMENT", "RETRIEVAL_QUERY")
    assert found["outputDimensionality"] == DIMENSIONS
    assert found["model"] == f"models/{MODEL}"


def test_many_texts_are_asked_for_in_batches(embedder: GeminiEmbedder, server: OfflineModel) -> None:
    texts = [f"observation {number}" for number in range(2 * BATCH + 1)]
    found = embedder.embed_texts(texts)
    assert [len(request.sent["requests"]) for request in server.requests] == [BATCH, BATCH, 1]
    assert cosine(found[-1].vector, embedder.embed_query(texts[-1], list)) == pytest.approx(1, abs=1e-5)
    assert cosine(found[0].vector, embedder.embed_query(texts[-1], list)) < 0.99


@pytest.mark.parametrize("blank", ["", " \n", "\u3000"])
def test_a_blank_text_is_a_vector_of_zeros_and_costs_no_call(
    embedder: GeminiEmbedder, server: OfflineModel, blank: str
) -> None:
    assert not embedder.embed_texts([blank])[0].vector.any()
    assert embedder.embed_texts([]) == []
    assert server.requests == []
    mixed = embedder.embed_texts([blank, "a word", blank])
    assert [bool(each.vector.any()) for each in mixed] == [False, True, False]


@pytest.mark.parametrize(
    "text", ["x" * 10_000_000, "broken \ud83d", "\x00\x1b\u202e", "🎉"], ids=["10 MB", "\\ud", "\\0", "!"]
)
def test_any_text_can_be_embedded_by_its_beginning(embedder: GeminiEmbedder, server: OfflineModel, text: str) -> None:
    assert embedder.embed_texts([text])[0].vector.any()
    assert len(server.requests[0].sent["requests"][0]["content"]["parts"][0]["text"]) <= MAX_CHARACTERS


def test_what_fails_for_the_moment_is_tried_again() -> None:
    overloaded = {"error": {"type": "overloaded_error"}}
    with open_offline_model(failing(overloaded, overloaded)) as server:
        assert embedder_at(server.base_url, retries=2).embed_texts(["a word"])[0].vector.any()
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"error": {"type": "authentication_error"}}, "GEMINI_API_KEY"),
        ({"error": {"type": "rate_limit_error"}}, "429"),
        ({"error": {"type": "overloaded_error"}}, "503"),
        ({"error": {"type": "not_found_error"}}, "404"),
        ({"fault": "not_a_message"}, "not of the Gemini API"),
    ],
)
def test_a_call_that_fails_says_why_and_stores_nothing(
    tmp_path: Path, answer: dict[str, object], sentence: str
) -> None:
    with (
        open_offline_model(failing(answer)) as server,
        SqliteMemory(tmp_path / "m", embedder=embedder_at(server.base_url)) as memory,
    ):
        with pytest.raises(MemoryStoreError, match=f"{MODEL}.*{sentence}") as failed:
            memory.remember([an_observation(1)])
        assert KEY not in str(failed.value)
        assert (memory.count(agent="main"), memory.embedder) == (0, "")
        assert memory.remember([an_observation(1)]).added == ("o1",)


def test_a_server_that_is_not_there_says_so() -> None:
    with pytest.raises(MemoryStoreError, match="GOOGLE_GEMINI_BASE_URL"):
        embedder_at("http://127.0.0.1:9").embed_query("a word", list)


def test_without_a_key_it_says_what_to_set() -> None:
    without = GeminiEmbedder(MODEL, ModelAccess(api_key=SecretStr(""), base_url=""), retries=0)
    with pytest.raises(MemoryStoreError, match="set GEMINI_API_KEY"):
        without.embed_query("a word", list)


def test_the_setting_chooses_the_embedder_of_a_new_memory(
    tmp_path: Path, server: OfflineModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/m"
    monkeypatch.setenv("SESSIONS_MEMORY_EMBEDDER", f"gemini/{MODEL}")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.base_url)
    with open_memory(url) as memory:
        memory.remember([an_observation(1, "The red door is open"), an_observation(2, "Lunch was good")])
        assert memory.embedder == f"gemini {MODEL} {DIMENSIONS}"
        assert memory.recall(agent="main", query="door")[0].id == "o1"
    monkeypatch.delenv("SESSIONS_MEMORY_EMBEDDER")
    with open_memory(url) as memory, pytest.raises(MemoryStoreError, match="SESSIONS_MEMORY_EMBEDDER back, or run"):
        memory.recall(agent="main", query="door")


def test_the_setting_names_the_embedder() -> None:
    assert open_embedder(Settings()).name == "wordllama l2_supercat 256"
    assert open_embedder(Settings(memory_embedder="gemini/some-model")).name == "gemini some-model 768"


@pytest.mark.parametrize("value", ["", "gemini", "gemini/", "openai/ada", "static "])
def test_a_setting_that_names_no_embedder_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="memory_embedder"):
        Settings(memory_embedder=value)
