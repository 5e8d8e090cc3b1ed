"""An answer of the script, rendered for one request: the same for every API that the server speaks."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from sessions.offline.request import ApiRequest, estimate_tokens
from sessions.offline.script import Answer, GeminiWords, TextBlock, ThinkingBlock, ToolBlock
from sessions.offline.templates import render, render_value, variables

JsonObject = dict[str, Any]


class Message(BaseModel, frozen=True):
    """A rendered answer. `content` and `usage` are in the form of the Messages API."""

    id: str
    model: str
    content: list[JsonObject]
    stop_reason: str
    usage: JsonObject
    gemini: GeminiWords = GeminiWords()


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
        model=answer.answered_by or request.model,
        content=content,
        stop_reason=answer.stop_reason or ("tool_use" if calls else "end_turn"),
        usage=_usage(answer, request, content),
        gemini=answer.gemini or GeminiWords(),
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
