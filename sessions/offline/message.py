"""The answer on the wire: one JSON message, or the same as server-sent events."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from sessions.offline.request import ApiRequest, estimate_tokens
from sessions.offline.script import Answer, ApiFault, TextBlock, ThinkingBlock, ToolBlock
from sessions.offline.templates import render, render_value, variables

JsonObject = dict[str, Any]


class Message(BaseModel, frozen=True):
    """A rendered answer in the API's own form."""

    id: str
    model: str
    content: list[JsonObject]
    stop_reason: str
    usage: JsonObject

    def as_json(self) -> JsonObject:
        """The body of an answer that is not streamed."""
        return {"type": "message", "role": "assistant", "stop_sequence": None, **self.model_dump()}


def compose(answer: Answer, request: ApiRequest, number: int) -> Message:
    """Render `answer` for `request`. `number` makes the ids of this server unique.

    Raises:
        RenderError: a template asks for something that the request does not hold.
    """
    values = variables(request)
    content = [_block(block, values, f"{number}_{at}") for at, block in enumerate(answer.blocks)]
    calls = any(block["type"] == "tool_use" for block in content)
    return Message(
        id=f"msg_offline_{number}",
        model=request.model,
        content=content,
        stop_reason=answer.stop_reason or ("tool_use" if calls else "end_turn"),
        usage=_usage(answer, request, content),
    )


def _block(block: TextBlock | ThinkingBlock | ToolBlock, values: Mapping[str, object], ident: str) -> JsonObject:
    if isinstance(block, TextBlock):
        return {"type": "text", "text": render(block.text, values).rstrip("\n")}
    if isinstance(block, ThinkingBlock):
        return {"type": "thinking", "thinking": render(block.thinking, values), "signature": f"offline_{ident}"}
    return {"type": "tool_use", "id": f"toolu_offline_{ident}", "name": block.tool, "input": _input(block, values)}


def _input(block: ToolBlock, values: Mapping[str, object]) -> JsonObject:
    return {key: render_value(part, values) for key, part in block.input.items()}


def _usage(answer: Answer, request: ApiRequest, content: list[JsonObject]) -> JsonObject:
    given = answer.usage
    return {
        "input_tokens": request.estimated_tokens if given.input_tokens is None else given.input_tokens,
        "output_tokens": estimate_tokens(json.dumps(content)) if given.output_tokens is None else given.output_tokens,
        "cache_read_input_tokens": given.cache_read_input_tokens,
        "cache_creation_input_tokens": given.cache_creation_input_tokens,
    }


def error_body(kind: str, message: str) -> JsonObject:
    """An error in the API's own form."""
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_offline"}


def event(kind: str, **fields: object) -> bytes:
    """One server-sent event."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def opening(message: Message) -> bytes:
    """The event that starts a stream."""
    usage = {**message.usage, "output_tokens": 1}
    return event("message_start", message={**message.as_json(), "content": [], "stop_reason": None, "usage": usage})


def block_events(index: int, block: JsonObject) -> Iterator[bytes]:
    """The events of one content block: start, deltas, stop."""
    start, deltas = _split(block)
    yield event("content_block_start", index=index, content_block=start)
    for delta in deltas:
        yield event("content_block_delta", index=index, delta=delta)
    yield event("content_block_stop", index=index)


def _split(block: JsonObject) -> tuple[JsonObject, list[JsonObject]]:
    """An empty block, and what fills it."""
    if block["type"] == "text":
        return {"type": "text", "text": ""}, [{"type": "text_delta", "text": part} for part in _halves(block["text"])]
    if block["type"] == "thinking":
        thoughts = [{"type": "thinking_delta", "thinking": part} for part in _halves(block["thinking"])]
        signature = {"type": "signature_delta", "signature": block["signature"]}
        return {"type": "thinking", "thinking": "", "signature": ""}, [*thoughts, signature]
    parts = _halves(json.dumps(block["input"]))
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in parts]


def _halves(text: str) -> list[str]:
    """Two pieces, so that no reader of this stream gets away with looking at one."""
    middle = len(text) // 2
    return [part for part in (text[:middle], text[middle:]) if part]


def closing(message: Message) -> bytes:
    """The events that end a stream: why it stopped, and what it used."""
    delta = {"stop_reason": message.stop_reason, "stop_sequence": None}
    return event("message_delta", delta=delta, usage=message.usage) + event("message_stop")


def breaking(fault: ApiFault) -> bytes:
    """The event of an error in the middle of a stream."""
    return event("error", error={"type": fault.type, "message": fault.message})
