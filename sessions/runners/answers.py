"""Hears a model's answer from the client's stream: its events, and what went wrong with it."""

from collections.abc import AsyncIterator
from typing import TypeAlias

import anthropic
import httpx2
from anthropic.lib.streaming import AsyncMessageStream, ParsedMessageStreamEvent

from sessions.errors import RunnerError
from sessions.messages_api import explain_api_error, explain_status

#: An error in the middle of a stream comes with the status of the stream, 200; its type says what it is.
_STATUS_OF_TYPE = {"overloaded_error": 529, "rate_limit_error": 429, "api_error": 500, "timeout_error": 504}
Stream = AsyncMessageStream[None]
# Quoted: generic for a type checker only.
Event: TypeAlias = "ParsedMessageStreamEvent[None]"


class BrokenAnswerError(RunnerError):
    """The model's server sent something that is not an answer, or not all of one."""


async def events_of(stream: Stream) -> AsyncIterator[Event]:
    """The stream's events; nonsense in them is one error, whatever the client's parser trips over."""
    events = aiter(stream)
    while True:
        try:
            event = await anext(events)
        except StopAsyncIteration:
            return
        except (ValueError, TypeError, AttributeError, LookupError, AssertionError, RuntimeError) as error:
            raise BrokenAnswerError("the answer is not of the Messages API") from error
        yield event


def explain(error: Exception) -> str:
    """What went wrong, in one sentence without a full stop."""
    if isinstance(error, anthropic.APIStatusError) and not error.response.is_error:
        kind = _error_type(error.body)
        return explain_status(_STATUS_OF_TYPE[kind]) if kind in _STATUS_OF_TYPE else f"the answer broke off: {kind}"
    if isinstance(error, anthropic.AnthropicError):
        return explain_api_error(error)
    if isinstance(error, httpx2.TransportError):
        return "the connection to the model's server broke off in the middle of an answer; the next run tries again"
    return f"the model's server sent nonsense: {error}; check ANTHROPIC_BASE_URL"


def _error_type(body: object) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("type", "an unknown error")) if isinstance(error, dict) else "an unknown error"
