"""Reports as JSON, posted to an address."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from sessions.channels.address import fill_in, shown_host
from sessions.channels.base import Message
from sessions.channels.reaching import require_listener
from sessions.channels.request_lines import hush_request_lines
from sessions.errors import DeliveryError

_MOST_REDIRECTS = 3
_PASSING = {httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_EARLY, httpx.codes.TOO_MANY_REQUESTS}
_SAME_METHOD_REDIRECTS = {httpx.codes.TEMPORARY_REDIRECT, httpx.codes.PERMANENT_REDIRECT}
_ANSWER_CHARACTERS = 200


class WebhookChannel:
    """Posts the report as JSON; any answer from 200 to 299 means that it was taken.

    The body is an object with `key`, `title`, `markdown`, `session`, `run_id`, `outcome` and `facts`. The header
    `Idempotency-Key` holds the key too: a receiver that has seen it can drop the repetition.
    """

    repeatable = True

    def __init__(self, timeout_seconds: float, environment: Mapping[str, str]) -> None:
        self._timeout_seconds = timeout_seconds
        self._environment = environment

    async def send(self, message: Message, to: str) -> str:
        address = _checked(fill_in(to, self._environment))
        host = shown_host(str(address))
        try:
            with hush_request_lines():
                async with asyncio.timeout(self._timeout_seconds):
                    response = await _post(address, message)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise DeliveryError(f"{host} gave no answer in {self._timeout_seconds:g} s", retryable=True) from error
        except httpx.RequestError as error:
            raise DeliveryError(
                f"{host} could not be reached: {str(error) or type(error).__name__}", retryable=True
            ) from error
        _raise_unless_taken(response, host)
        return host

    async def check(self, to: str) -> None:
        await require_listener(str(_checked(fill_in(to, self._environment))), self._timeout_seconds)


def _checked(address: str) -> httpx.URL:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise DeliveryError("`to` of the webhook is not an address", retryable=False) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise DeliveryError("`to` of the webhook must begin with http:// or https:// and a host", retryable=False)
    return url


async def _post(url: httpx.URL, message: Message) -> httpx.Response:
    """The last answer, after redirects that stay at the same server and keep the method."""
    body = message.model_dump(mode="json")
    headers = {"Idempotency-Key": message.key}
    async with httpx.AsyncClient(timeout=None, follow_redirects=False) as client:  # noqa: S113 - the caller's timeout
        for _ in range(_MOST_REDIRECTS):
            response = await client.post(url, json=body, headers=headers)
            onward = response.next_request.url if response.next_request else None
            if response.status_code not in _SAME_METHOD_REDIRECTS or onward is None or not _same_server(url, onward):
                break
            url = onward
    return response


def _same_server(one: httpx.URL, other: httpx.URL) -> bool:
    return (one.scheme, one.host, one.port) == (other.scheme, other.host, other.port)


def _raise_unless_taken(response: httpx.Response, host: str) -> None:
    status = response.status_code
    if response.is_success:
        return
    if response.is_redirect:
        raise DeliveryError(
            f"{host} redirects to {_redirected_host(response)} ({status}); give the final address in `to`",
            retryable=False,
        )
    said = " ".join(response.text.split())[:_ANSWER_CHARACTERS]
    raise DeliveryError(
        f"{host} answered {status} {response.reason_phrase}" + (f": {said}" if said else ""),
        retryable=status in _PASSING or response.is_server_error,
    )


def _redirected_host(response: httpx.Response) -> str:
    return urlsplit(response.headers.get("location", "")).hostname or "another path"
