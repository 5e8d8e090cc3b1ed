"""The Messages API on the wire."""

import json
from collections.abc import Iterator

from starlette.requests import Request

from sessions.offline.message import JsonObject, Message
from sessions.offline.script import ApiFault, ErrorType
from sessions.offline.wire import halves

STATUS: dict[ErrorType, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "api_error": 500,
    "overloaded_error": 529,
}


class MessagesWire:
    """See `sessions.offline.wire.Wire`."""

    key_variable = "ANTHROPIC_API_KEY"

    def asked(self, http: Request, sent: JsonObject) -> JsonObject:
        del http
        return sent

    def whole(self, message: Message) -> JsonObject:
        fields = message.model_dump(include={"id", "model", "content", "stop_reason", "usage"})
        return {"type": "message", "role": "assistant", "stop_sequence": None, **fields}

    def opening(self, message: Message) -> bytes:
        usage = {**message.usage, "output_tokens": 1}
        return _event(
            "message_start", message={**self.whole(message), "content": [], "stop_reason": None, "usage": usage}
        )

    def block_events(self, message: Message, index: int) -> Iterator[bytes]:
        start, deltas = _split(message.content[index])
        yield _event("content_block_start", index=index, content_block=start)
        for delta in deltas:
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)

    def closing(self, message: Message) -> bytes:
        delta = {"stop_reason": message.stop_reason, "stop_sequence": None}
        return _event("message_delta", delta=delta, usage=message.usage) + _event("message_stop")

    def breaking(self, fault: ApiFault) -> bytes:
        return _event("error", error={"type": fault.type, "message": fault.message})

    def error(self, fault: ApiFault) -> tuple[int, JsonObject]:
        body = {"type": fault.type, "message": fault.message}
        return STATUS[fault.type], {"type": "error", "error": body, "request_id": "req_offline"}


def _event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def _split(block: JsonObject) -> tuple[JsonObject, list[JsonObject]]:
    """An empty block, and what fills it."""
    if block["type"] == "text":
        return {"type": "text", "text": ""}, [{"type": "text_delta", "text": part} for part in halves(block["text"])]
    if block["type"] == "thinking":
        thoughts = [{"type": "thinking_delta", "thinking": part} for part in halves(block["thinking"])]
        signature = {"type": "signature_delta", "signature": block["signature"]}
        return {"type": "thinking", "thinking": "", "signature": ""}, [*thoughts, signature]
    parts = halves(json.dumps(block["input"]))
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in parts]
