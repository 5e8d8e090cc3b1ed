import json

import pytest

from sessions.channels.webhook import WebhookChannel
from sessions.errors import DeliveryError
from tests.contracts.channels import REPORT, message
from tests.fakes.chat_servers import Answer, ChatServers, chat_servers, free_port_that_refuses

SECRET_PATH = "/hook/s3cret-path-1234"


async def send(servers: ChatServers, path: str = SECRET_PATH, timeout_seconds: float = 5) -> str:
    return await WebhookChannel(timeout_seconds, {}).send(message(), servers.url(path))


async def test_the_body_and_the_key_are_as_documented(servers: ChatServers) -> None:
    assert await send(servers) == f"127.0.0.1:{servers.port}"
    assert servers.bodies == [
        {
            "key": "0123456789abcdef",
            "title": "✅ nightly: completed",
            "markdown": REPORT,
            "session": "nightly",
            "run_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
            "outcome": "completed",
            "facts": {"slot": "2026-11-03T02:00:00+01:00", "turns": 5, "report": "/home/ann/sessions/report.md"},
        }
    ]
    assert servers.requests[0]["key"] == "0123456789abcdef"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
async def test_a_refusal_is_not_tried_again(servers: ChatServers, status: int) -> None:
    servers.next_answers = [Answer(status, "no\n  such hook")]
    with pytest.raises(DeliveryError, match=f"answered {status} .*: no such hook") as caught:
        await send(servers)
    assert caught.value.retryable is False


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_what_may_pass_is_tried_again(servers: ChatServers, status: int) -> None:
    servers.next_answers = [Answer(status)]
    with pytest.raises(DeliveryError, match=f"answered {status}") as caught:
        await send(servers)
    assert caught.value.retryable is True


async def test_nobody_there_is_tried_again() -> None:
    address = f"http://127.0.0.1:{free_port_that_refuses()}{SECRET_PATH}"
    with pytest.raises(DeliveryError, match="could not be reached") as caught:
        await WebhookChannel(5, {}).send(message(), address)
    assert caught.value.retryable is True
    assert SECRET_PATH not in str(caught.value)


async def test_a_receiver_that_hangs_is_given_up_in_time(servers: ChatServers) -> None:
    servers.next_answers = [Answer(200, delay_seconds=60)]
    with pytest.raises(DeliveryError, match=r"gave no answer in 0\.2 s") as caught:
        await send(servers, timeout_seconds=0.2)
    assert caught.value.retryable is True


async def test_a_redirect_to_another_host_is_not_followed(servers: ChatServers) -> None:
    with chat_servers() as elsewhere:
        servers.next_answers = [Answer(307, headers={"Location": elsewhere.url("/hook/other-s3cret")})]
        with pytest.raises(DeliveryError, match=r"redirects to 127\.0\.0\.1 \(307\); give the final address"):
            await send(servers)
        assert elsewhere.requests == []


async def test_a_redirect_at_the_same_server_is_followed_with_the_body(servers: ChatServers) -> None:
    servers.next_answers = [Answer(308, headers={"Location": "/hook/moved"})]
    await send(servers)
    assert [request["path"] for request in servers.requests] == [SECRET_PATH, "/hook/moved"]
    assert json.loads(servers.requests[1]["raw"])["key"] == "0123456789abcdef"


async def test_a_redirect_that_would_lose_the_body_is_not_followed(servers: ChatServers) -> None:
    servers.next_answers = [Answer(302, headers={"Location": "/login"})]
    with pytest.raises(DeliveryError, match="redirects to another path") as caught:
        await send(servers)
    assert caught.value.retryable is False


@pytest.mark.parametrize("address", ["ftp://host/x", "hooks.example.org/x", "http://", "https://[::1"])
async def test_what_is_no_web_address_is_refused_before_anything_is_sent(address: str) -> None:
    with pytest.raises(DeliveryError, match="`to` of the webhook") as caught:
        await WebhookChannel(1, {}).send(message(), address)
    assert caught.value.retryable is False
