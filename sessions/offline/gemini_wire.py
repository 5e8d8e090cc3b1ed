"""The Gemini API on the wire: `generateContent` and `streamGenerateContent`."""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request

from sessions.offline import gemini_embedding
from sessions.offline.gemini_request import as_messages
from sessions.offline.message import JsonObject, Message
from sessions.offline.request import RequestError, estimate_tokens
from sessions.offline.script import ApiFault, ErrorType
from sessions.offline.wire import halves

#: What the Gemini API says where the Messages API says the key. A key that is wrong is a bad request there.
_ERRORS: dict[ErrorType, tuple[int, str]] = {
    "invalid_request_error": (400, "INVALID_ARGUMENT"),
    "authentication_error": (400, "INVALID_ARGUMENT"),
    "permission_error": (403, "PERMISSION_DENIED"),
    "not_found_error": (404, "NOT_FOUND"),
    "rate_limit_error": (429, "RESOURCE_EXHAUSTED"),
    "api_error": (500, "INTERNAL"),
    "overloaded_error": (503, "UNAVAILABLE"),
}
_FINISH = {"max_tokens": "MAX_TOKENS", "refusal": "SAFETY"}
_RPC = "type.googleapis.com/google.rpc"


class GeminiWire:
    """See `sessions.offline.wire.Wire`. Like Gemini 2.5 it gives its tool calls no ids."""

    key_variable = "GEMINI_API_KEY"

    def asked(self, http: Request, sent: JsonObject) -> JsonObject:
        model, _, method = str(http.path_params["call"]).partition(":")
        if method in gemini_embedding.METHODS:
            return {"model": model, "messages": [{"role": "user", "content": gemini_embedding.text_of(sent)}]}
        if method not in ("generateContent", "streamGenerateContent", "countTokens"):
            raise RequestError(f"the offline model has no method {method!r}")
        # What is to be counted may be wrapped.
        body = sent.get("generateContentRequest", sent) if method == "countTokens" else sent
        return as_messages(model, body, stream=method == "streamGenerateContent")

    def whole(self, message: Message) -> JsonObject:
        if message.gemini.block_reason:
            return self._chunk(message, promptFeedback={"blockReason": message.gemini.block_reason})
        parts = [_part(message, block, _text(block)) for block in message.content]
        return self._chunk(message, candidates=[_candidate(parts, _finish(message))], usageMetadata=_usage(message))

    def opening(self, message: Message) -> bytes:
        """What the prompt has cost, which every chunk of the real API says."""
        return _event(self._chunk(message, usageMetadata=_prompt_usage(message)))

    def block_events(self, message: Message, index: int) -> Iterator[bytes]:
        block = message.content[index]
        for text in halves(_text(block)) or [""]:
            candidate = _candidate([_part(message, block, text)])
            yield _event(self._chunk(message, candidates=[candidate], usageMetadata=_prompt_usage(message)))

    def closing(self, message: Message) -> bytes:
        if message.gemini.block_reason:
            return _event(self.whole(message))
        candidate = _candidate([], _finish(message))
        return _event(self._chunk(message, candidates=[candidate], usageMetadata=_usage(message)))

    def breaking(self, fault: ApiFault) -> bytes:
        """As the real API: not an event, but the error's lines."""
        return json.dumps(self.error(fault)[1], indent=2).encode()

    def error(self, fault: ApiFault) -> tuple[int, JsonObject]:
        status, name = _ERRORS[fault.type]
        details: list[JsonObject] = []
        if fault.type == "authentication_error":
            details.append({"@type": f"{_RPC}.ErrorInfo", "reason": "API_KEY_INVALID"})
        if fault.retry_after_seconds is not None:
            details.append({"@type": f"{_RPC}.RetryInfo", "retryDelay": f"{fault.retry_after_seconds:g}s"})
        return status, {"error": {"code": status, "message": fault.message, "status": name, "details": details}}

    def _chunk(self, message: Message, **fields: Any) -> JsonObject:  # noqa: ANN401 - fields of the API
        return {**fields, "modelVersion": message.model, "responseId": message.id}


def _event(chunk: JsonObject) -> bytes:
    return f"data: {json.dumps(chunk)}\r\n\r\n".encode()


def _candidate(parts: list[JsonObject], finish: str = "") -> JsonObject:
    content = {"content": {"role": "model", "parts": parts}} if parts else {}
    return {**content, "index": 0, **({"finishReason": finish} if finish else {})}


def _text(block: JsonObject) -> str:
    return str(block.get("text", block.get("thinking", "")))


def _part(message: Message, block: JsonObject, text: str) -> JsonObject:
    """One part. A call that was thought about is signed, and the signature is wanted back."""
    if block["type"] != "tool_use":
        return {"text": text, "thought": True} if block["type"] == "thinking" else {"text": text}
    call = {"functionCall": {"name": block["name"], "args": block["input"]}}
    signatures = [each["signature"] for each in message.content if each["type"] == "thinking"]
    return {**call, "thoughtSignature": b64encode(signatures[0].encode()).decode()} if signatures else call


def _finish(message: Message) -> str:
    return message.gemini.finish_reason or _FINISH.get(message.stop_reason, "STOP")


def _prompt_usage(message: Message) -> JsonObject:
    """The prompt's tokens, which hold the cached ones; a cache that is written costs like any input."""
    cached = message.usage["cache_read_input_tokens"]
    prompt = message.usage["input_tokens"] + cached + message.usage["cache_creation_input_tokens"]
    return {
        "promptTokenCount": prompt,
        "totalTokenCount": prompt,
        **({"cachedContentTokenCount": cached} if cached else {}),
    }


def _usage(message: Message) -> JsonObject:
    """All tokens; what was thought is counted apart from what was said."""
    thoughts = sum(estimate_tokens(block["thinking"]) for block in message.content if block["type"] == "thinking")
    spent = message.usage["output_tokens"]
    thoughts = min(thoughts, spent)
    prompt = _prompt_usage(message)
    counted = {"candidatesTokenCount": spent - thoughts, "totalTokenCount": prompt["totalTokenCount"] + spent}
    return {**prompt, **counted, **({"thoughtsTokenCount": thoughts} if thoughts else {})}
