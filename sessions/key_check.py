"""Whether a provider would refuse its key, asked before a token is spent: listing models costs nothing."""

import asyncio

import httpx

from sessions.channels.request_lines import hush_request_lines
from sessions.models import Provider
from sessions.settings import ModelAccess

_SECONDS = 5.0
_REFUSED = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
#: By provider: its own address, the path that lists models, and the setting that holds the key.
_LISTS: dict[Provider, tuple[str, str, str]] = {
    "anthropic": ("https://api.anthropic.com", "/v1/models?limit=1", "ANTHROPIC_API_KEY"),
    "google": ("https://generativelanguage.googleapis.com", "/v1beta/models?pageSize=1", "GEMINI_API_KEY"),
}


async def why_key_is_refused(provider: Provider, access: ModelAccess) -> str:
    """Why no model would answer with this key, in a sentence without a full stop; empty if the key is taken.

    Also empty where it cannot be told: a server that lists no models, or that does not answer now, may do well when
    it is asked for an answer, and is tried again then.
    """
    own, path, variable = _LISTS[provider]
    if not access.api_key.get_secret_value().isascii():
        return f"the key of {provider} has characters that no key has; copy it anew into {variable} of the worker"
    address = (access.base_url or own).rstrip("/") + path
    # Reading the trusted certificates takes 50 ms, which a server without encryption has no use for.
    verify = address.lower().startswith("https")
    try:
        with hush_request_lines():
            async with asyncio.timeout(_SECONDS), httpx.AsyncClient(verify=verify) as client:
                answer = await client.get(address, headers=_headers(provider, access))
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL):
        return ""
    if answer.status_code not in _REFUSED and not _is_invalid_key(answer):
        return ""
    return f"the key of {provider} is refused ({answer.status_code}); check {variable} in the environment of the worker"


def _headers(provider: Provider, access: ModelAccess) -> dict[str, str]:
    key = access.api_key.get_secret_value()
    if not key:
        return {}
    return {"x-goog-api-key": key} if provider == "google" else {"x-api-key": key, "anthropic-version": "2023-06-01"}


def _is_invalid_key(answer: httpx.Response) -> bool:
    """Google says 400 to a key that it does not know, and why in the body."""
    return answer.status_code == httpx.codes.BAD_REQUEST and "API_KEY_INVALID" in answer.text
