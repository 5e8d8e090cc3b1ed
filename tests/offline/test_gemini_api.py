import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest
from google import genai
from google.genai import types
from google.genai.errors import APIError

from sessions.offline import Script, open_offline_model
from sessions.offline.running import OfflineModel
from tests.fakes.scripts import Answer, says

MODEL = "gemini-2.5-flash"
EVERYTHING = {
    "blocks": [
        {"thinking": "hm, {{ last }}"},
        {"text": "You said “{{ last }}”."},
        {"tool": "Bash", "input": {"command": "echo '{{ last }}'", "timeout": 5}},
    ],
    "usage": {"input_tokens": 11, "output_tokens": 70, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 3},
}
Ask = Callable[[OfflineModel], list[types.GenerateContentResponse]]


def one(answer: Answer, **when: object) -> Script:
    return Script.model_validate({"rules": [{"when": when, "answer": answer}]})


def client_of(model: OfflineModel) -> genai.Client:
    options = types.HttpOptions(base_url=model.base_url, httpx_client=httpx2.Client())
    return genai.Client(vertexai=False, api_key="sk-test", http_options=options)


def ask(model: OfflineModel) -> list[types.GenerateContentResponse]:
    client = client_of(model)
    assert isinstance(client._api_client._httpx_client, httpx2.Client)
    with client._api_client._httpx_client:
        return [client.models.generate_content(model=MODEL, contents="hello")]


def ask_streaming(model: OfflineModel) -> list[types.GenerateContentResponse]:
    client = client_of(model)
    assert isinstance(client._api_client._httpx_client, httpx2.Client)
    with client._api_client._httpx_client:
        return list(client.models.generate_content_stream(model=MODEL, contents="hello"))
