"""The Gemini API as this project reaches it: one way to open a client, one way to explain what went wrong."""

import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx2
from google import genai
from google.genai import errors, types

from sessions.json_call import JsonAnswer, JsonQuestion, ModelCallError
from sessions.models import Model, Usage
from sessions.settings import ModelAccess

# It warns of a key in the environment that it is not going to use.
logging.getLogger("google_genai._api_client").setLevel(logging.ERROR)
#: The client insists on some key, and would else take one from the environment that nobody meant for it.
NO_KEY = "no-key-is-set"
CALL_TIMEOUT_SECONDS = 120.0
#: What the server is told it may take for a whole answer, of which a part has to come within the time above.
ANSWER_TIMEOUT_SECONDS = 600
#: What the client's parser raises over an answer that is nonsense.
NONSENSE = (ValueError, TypeError, AttributeError, LookupError)
NOT_GEMINI = "the model's server answered something that is not of the Gemini API; check GOOGLE_GEMINI_BASE_URL"
NOT_REACHED = "the model's server cannot be reached; check GOOGLE_GEMINI_BASE_URL and the network"
_UNREACHABLE = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol, httpx2.ProxyError)
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")


@asynccontextmanager
async def open_gemini_models(access: ModelAccess, *, retries: int = 0) -> AsyncIterator[genai.models.AsyncModels]:
    """A client's models at that address and with that key; what fails for the moment it tries `retries` times again."""
    async with httpx2.AsyncClient() as http:
        options = _options(access, retries).model_copy(update={"httpx_async_client": http})
        async with genai.Client(vertexai=False, api_key=_key(access), http_options=options).aio as client:
            yield client.models


@contextmanager
def open_gemini_models_in_turn(access: ModelAccess, *, retries: int = 0) -> Iterator[genai.models.Models]:
    """The same for who waits for each call, such as a memory that has something embedded."""
    with httpx2.Client() as http:
        options = _options(access, retries).model_copy(update={"httpx_client": http})
        with genai.Client(vertexai=False, api_key=_key(access), http_options=options) as client:
            yield client.models


def _options(access: ModelAccess, retries: int) -> types.HttpOptions:
    return types.HttpOptions(
        base_url=access.base_url or None,
        timeout=int(CALL_TIMEOUT_SECONDS * 1000),
        headers={"X-Server-Timeout": str(ANSWER_TIMEOUT_SECONDS)},
        retry_options=types.HttpRetryOptions(attempts=retries + 1, initial_delay=0.5),
    )


def _key(access: ModelAccess) -> str:
    return access.api_key.get_secret_value() or NO_KEY


def thinking_config(model: Model, *, tokens: int = 0) -> types.ThinkingConfig | None:
    """Thinking of up to so many tokens, shown; without any, as little as the model can be held to.

    None for a model that takes no such setting.
    """
    if tokens:
        return types.ThinkingConfig(thinking_budget=tokens, include_thoughts=True)
    if model.thinking_tokens_min is None:
        return None
    return types.ThinkingConfig(thinking_budget=model.thinking_tokens_min)


def usage_of(counted: types.GenerateContentResponseUsageMetadata | None) -> Usage:
    """What the provider counted: cached tokens are part of its prompt, and thoughts are counted apart from words."""
    if counted is None:
        return Usage()
    cached = counted.cached_content_token_count or 0
    prompt = (counted.prompt_token_count or 0) + (counted.tool_use_prompt_token_count or 0)
    return Usage(
        input_tokens=max(prompt - cached, 0),
        output_tokens=(counted.candidates_token_count or 0) + (counted.thoughts_token_count or 0),
        cache_read_tokens=cached,
    )


def explain_gemini_error(error: Exception) -> str:
    """What went wrong with a call and what a person can do about it, in one sentence without a full stop."""
    if isinstance(error, errors.APIError):
        return _explain_status(error)
    if isinstance(error, _UNREACHABLE):
        return NOT_REACHED
    if isinstance(error, httpx2.TimeoutException):
        return f"nothing came for {CALL_TIMEOUT_SECONDS:.0f} s; see whether the API is slow, or try later"
    if isinstance(error, httpx2.TransportError):
        return "the connection to the model's server broke off in the middle of an answer; the next run tries again"
    return NOT_GEMINI


def _explain_status(error: errors.APIError) -> str:
    known = {
        400: _explain_bad_request(error),
        401: "the key was refused (401); check GEMINI_API_KEY",
        403: "the key may not do this (403); check the rights of GEMINI_API_KEY",
        404: "the model or address is not known there (404); check `model` and GOOGLE_GEMINI_BASE_URL",
        413: "the request is too large (413); shorten the prompt or lower SESSIONS_CONTEXT_TOKENS",
        429: "the rate limit is reached (429); run at another time or ask for a higher limit",
        503: "the model is overloaded (503); the next run tries again",
        504: "the model did not answer in time (504); the next run tries again",
    }
    return known.get(error.code, f"the model's server answered with status {error.code}; the next run tries again")


def _explain_bad_request(error: errors.APIError) -> str:
    """The Gemini API says with one status what others say with several."""
    if any(detail.get("reason") == "API_KEY_INVALID" for detail in _details(error)):
        return "the key was refused (400); check GEMINI_API_KEY"
    if error.status == "FAILED_PRECONDITION":
        return (
            "the Gemini API is refused to this key or place (400); see whether it needs billing or is not offered there"
        )
    if "exceeds the maximum number of tokens" in str(error.message):
        return "the conversation outgrew the model (400); give it a smaller task"
    return "the request was refused as invalid (400); check the model's limits and the session's parameters"


def wait_seconds(error: errors.APIError) -> float | None:
    """How long the server wants to be left alone; None if it does not say."""
    delays = (_SECONDS.fullmatch(str(detail.get("retryDelay", ""))) for detail in _details(error))
    return next((float(delay[1]) for delay in delays if delay), None)


def _details(error: errors.APIError) -> list[dict[str, Any]]:
    body = error.details if isinstance(error.details, dict) else {}
    said = body.get("error")
    details = said.get("details") if isinstance(said, dict) else None
    return [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []


async def ask_gemini_for_json(question: JsonQuestion, access: ModelAccess, *, retries: int) -> JsonAnswer:
    """See `sessions.json_call.ask_for_json`."""
    model = question.model
    config = types.GenerateContentConfig(
        system_instruction=question.system,
        temperature=question.temperature,
        max_output_tokens=question.max_tokens,
        response_mime_type="application/json",
        response_json_schema=question.answer.model_json_schema(),
        thinking_config=thinking_config(model),
        automatic_continuation=False,
    )
    async with open_gemini_models(access, retries=retries) as models:
        try:
            answer = await models.generate_content(model=model.id, contents=question.prompt, config=config)
        except (errors.APIError, httpx2.TransportError, *NONSENSE) as error:
            raise ModelCallError(explain_gemini_error(error)) from error
    return _read_json_answer(answer)


def _read_json_answer(answer: types.GenerateContentResponse) -> JsonAnswer:
    if answer.prompt_feedback and answer.prompt_feedback.block_reason:
        raise ModelCallError(f"its provider blocked the question ({answer.prompt_feedback.block_reason.value})")
    candidate = answer.candidates[0] if answer.candidates else None
    if candidate is None or candidate.finish_reason is None:
        raise ModelCallError(NOT_GEMINI)
    parts = candidate.content.parts if candidate.content else None
    return JsonAnswer(
        text="".join(part.text for part in parts or () if part.text and not part.thought),
        cut_off=candidate.finish_reason is types.FinishReason.MAX_TOKENS,
        usage=usage_of(answer.usage_metadata),
        answered_by=answer.model_version or "",
    )
