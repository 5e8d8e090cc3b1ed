"""Whether a key would be refused, asked without spending anything."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from sessions.key_check import why_key_is_refused
from sessions.models import Provider
from sessions.settings import ModelAccess
from tests.fakes.chat_servers import free_port_that_refuses
from tests.fakes.pages import Pages, open_pages

PATHS: dict[Provider, str] = {"anthropic": "/v1/models", "google": "/v1beta/models"}
HEADERS: dict[Provider, str] = {"anthropic": "x-api-key", "google": "x-goog-api-key"}


@pytest.fixture
def pages() -> Iterator[Pages]:
    with open_pages() as opened:
        yield opened


def access_to(address: str, key: str = "k-123") -> ModelAccess:
    return ModelAccess(api_key=SecretStr(key), base_url=address)


@pytest.mark.parametrize("provider", ["anthropic", "google"])
@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_refused_is_told_with_its_variable(provider: Provider, status: int, pages: Pages) -> None:
    pages.texts[PATHS[provider]], pages.status = "{}", status
    said = await why_key_is_refused(provider, access_to(pages.url("/")))
    variable = "GEMINI_API_KEY" if provider == "google" else "ANTHROPIC_API_KEY"
    assert said == f"the key of {provider} is refused ({status}); check {variable} in the environment of the worker"
    (asked,) = pages.asked
    assert asked[1][HEADERS[provider]] == "k-123"


async def test_google_says_400_to_a_key_that_it_does_not_know(pages: Pages) -> None:
    pages.texts["/v1beta/models"], pages.status = '{"error": {"details": [{"reason": "API_KEY_INVALID"}]}}', 400
    assert "GEMINI_API_KEY" in await why_key_is_refused("google", access_to(pages.url()))
    pages.texts["/v1beta/models"] = '{"error": {"details": []}}'
    assert await why_key_is_refused("google", access_to(pages.url())) == ""


@pytest.mark.parametrize("status", [200, 404, 429, 500])
async def test_a_server_that_cannot_tell_is_asked_again_by_the_agent(status: int, pages: Pages) -> None:
    pages.texts["/v1/models"], pages.status = "not JSON", status
    assert await why_key_is_refused("anthropic", access_to(pages.url())) == ""


async def test_a_server_that_does_not_answer_now_is_no_refusal() -> None:
    assert await why_key_is_refused("anthropic", access_to(f"http://127.0.0.1:{free_port_that_refuses()}")) == ""
    assert await why_key_is_refused("anthropic", access_to("http://[")) == ""


async def test_a_key_that_was_copied_with_what_stood_beside_it_is_a_sentence_and_not_repeated(pages: Pages) -> None:
    said = await why_key_is_refused("anthropic", access_to(pages.url(), key="sk-ant-12…"))
    assert said.startswith("the key of anthropic has characters that no key has; copy it anew into ANTHROPIC_API_KEY")
    assert ("sk-ant" in said, pages.asked) == (False, [])


async def test_a_server_that_answers_drop_by_drop_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            writer.write(b"HTTP/1.1 401 No\r\nContent-Length: 1000\r\n\r\n")
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.1)

    monkeypatch.setattr("sessions.key_check._SECONDS", 0.3)
    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server, asyncio.timeout(5):
        port = server.sockets[0].getsockname()[1]
        assert await why_key_is_refused("anthropic", access_to(f"http://127.0.0.1:{port}")) == ""


async def test_without_a_key_none_is_sent(pages: Pages) -> None:
    pages.texts["/v1/models"] = "{}"
    await why_key_is_refused("anthropic", access_to(pages.url(), key=""))
    assert "x-api-key" not in pages.asked[0][1]
