"""The Messages API as this project reaches it: one way to open a client, one way to explain what went wrong."""

from functools import cache
from typing import TYPE_CHECKING

from sessions.json_call import JsonAnswer, JsonQuestion, ModelCallError
from sessions.models import Usage
from sessions.settings import ModelAccess

if TYPE_CHECKING:
    import ssl

    import anthropic
    from anthropic.types import Message

#: The client insists on some key; a server without keys takes this one.
NO_KEY = "no-key-is-set"
CALL_TIMEOUT_SECONDS = 120.0
NOT_A_MESSAGE = "the model's server answered something that is not of the Messages API; check ANTHROPIC_BASE_URL"


def open_messages_client(access: ModelAccess, *, retries: int) -> "anthropic.AsyncAnthropic":
    """A client with that key and address. Close it, or use it with `async with`."""
    import anthropic  # noqa: PLC0415 - takes a second to import

    return anthropic.AsyncAnthropic(
        api_key=access.api_key.get_secret_value() or NO_KEY,
        base_url=access.base_url or None,
        max_retries=retries,
        timeout=CALL_TIMEOUT_SECONDS,
        http_client=anthropic.DefaultAsyncHttpxClient(verify=_trusted(), timeout=CALL_TIMEOUT_SECONDS),
    )


@cache
def _trusted() -> "ssl.SSLContext":
    """The certificates that a server may show. Reading them takes 50 ms: once a process, not once a client."""
    import httpx2  # noqa: PLC0415 - comes with the client

    return httpx2.create_ssl_context()


def preload() -> None:
    """Load what the first client needs, for a process that has time to wait now and none later."""
    import anthropic  # noqa: F401, PLC0415

    _trusted()


async def ask_claude_for_json(question: JsonQuestion, access: ModelAccess, *, retries: int) -> JsonAnswer:
    """See `sessions.json_call.ask_for_json`."""
    import anthropic  # noqa: PLC0415 - takes a second to import

    schema = anthropic.transform_schema(question.answer.model_json_schema())
    async with open_messages_client(access, retries=retries) as client:
        try:
            answer = await client.messages.create(
                model=question.model.id,
                max_tokens=question.max_tokens,
                system=question.system,
                messages=[{"role": "user", "content": question.prompt}],
                output_config={"format": {"type": "json_schema", "schema": schema}},
                # The client has no argument for it any more; the API takes it.
                extra_body={"temperature": question.temperature},
            )
        # The client passes on what its parser says of a body that is not JSON.
        except (anthropic.AnthropicError, ValueError) as error:
            raise ModelCallError(explain_api_error(error)) from error
    # Nor does it look whether JSON is a message.
    if not isinstance(getattr(answer, "content", None), list) or getattr(answer, "usage", None) is None:
        raise ModelCallError(NOT_A_MESSAGE)
    text = "".join(block.text for block in answer.content if block.type == "text")
    return JsonAnswer(
        text=text,
        cut_off=answer.stop_reason == "max_tokens",
        usage=usage_of(answer),
        answered_by=str(getattr(answer, "model", None) or ""),
    )


def usage_of(message: "Message") -> Usage:
    """What the provider counted; a server that counts nothing is taken at its word."""
    counted = getattr(message, "usage", None)
    names = {
        "input_tokens": "input_tokens",
        "output_tokens": "output_tokens",
        "cache_read_tokens": "cache_read_input_tokens",
        "cache_write_tokens": "cache_creation_input_tokens",
    }
    return Usage(**{ours: getattr(counted, theirs, None) or 0 for ours, theirs in names.items()})


def explain_api_error(error: "anthropic.AnthropicError | ValueError") -> str:
    """What went wrong with a call and what a person can do about it, in one sentence without a full stop."""
    import anthropic  # noqa: PLC0415 - takes a second to import

    if isinstance(error, anthropic.APITimeoutError):
        return f"no answer within {CALL_TIMEOUT_SECONDS:.0f} s; see whether the API is slow, or try later"
    if isinstance(error, anthropic.APIConnectionError):
        return "the model's server cannot be reached; check ANTHROPIC_BASE_URL and the network"
    if isinstance(error, anthropic.APIStatusError):
        return explain_status(error.status_code)
    return NOT_A_MESSAGE


def explain_status(status: int) -> str:
    """What an HTTP status of the Messages API means for a person, in one sentence without a full stop."""
    known = {
        400: "the request was refused as invalid (400); check the model's limits and the session's parameters",
        401: "the key was refused (401); check ANTHROPIC_API_KEY",
        403: "the key may not do this (403); check the rights of ANTHROPIC_API_KEY",
        404: "the model or address is not known there (404); check `model` and ANTHROPIC_BASE_URL",
        413: "the request is too large (413); shorten the prompt or lower SESSIONS_CONTEXT_TOKENS",
        429: "the rate limit is reached (429); run at another time or ask for a higher limit",
        529: "the model is overloaded (529); the next run tries again",
    }
    return known.get(status, f"the model's server answered with status {status}; the next run tries again")
