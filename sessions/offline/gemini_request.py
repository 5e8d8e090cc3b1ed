"""What a caller of the Gemini API asked, in the words of the Messages API, so that one script answers both."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from sessions.offline.message import JsonObject
from sessions.offline.request import RequestError

_ROLES = {"user": "user", "model": "assistant"}


class _Wire(BaseModel):
    """The API reads a field's name in either spelling, and its own client mixes them."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class _FunctionCall(_Wire):
    id: str = ""
    name: str
    args: dict[str, Any] = {}


class _FunctionResponse(_Wire):
    id: str = ""
    name: str
    response: dict[str, Any] = {}


class _Part(_Wire):
    text: str = ""
    thought: bool = False
    function_call: _FunctionCall | None = None
    function_response: _FunctionResponse | None = None

    def as_block(self) -> JsonObject:
        """The same as a content block."""
        if call := self.function_call:
            return {"type": "tool_use", "id": call.id, "name": call.name, "input": call.args}
        if answer := self.function_response:
            return {"type": "tool_result", "tool_use_id": answer.id or answer.name, **_result(answer.response)}
        if self.thought:
            return {"type": "thinking", "thinking": self.text}
        return {"type": "text", "text": self.text}


class _Content(_Wire):
    role: Literal["user", "model"] = "user"
    parts: list[_Part]

    def as_blocks(self) -> list[JsonObject]:
        """The same as content blocks."""
        return [part.as_block() for part in self.parts]


class _Declaration(_Wire):
    name: str
    description: str = ""
    parameters: dict[str, Any] = {}
    parameters_json_schema: dict[str, Any] = {}


class _Tool(_Wire):
    function_declarations: list[_Declaration] = []


class _ThinkingConfig(_Wire):
    thinking_budget: int | None = None


class _GenerationConfig(_Wire):
    temperature: float | None = None
    max_output_tokens: int | None = None
    response_mime_type: str = ""
    response_json_schema: dict[str, Any] | None = None
    thinking_config: _ThinkingConfig = _ThinkingConfig()


class _GenerateContent(_Wire):
    contents: list[_Content]
    system_instruction: _Content | None = None
    tools: list[_Tool] = []
    generation_config: _GenerationConfig = _GenerationConfig()


def as_messages(model: str, sent: JsonObject, *, stream: bool) -> JsonObject:
    """The body of a Gemini request as the body of a request of the Messages API.

    Raises:
        RequestError: the body lacks a field of the Gemini API, or holds one of the wrong type.
    """
    try:
        asked = _GenerateContent.model_validate(sent)
    except ValidationError as error:
        first = error.errors()[0]
        raise RequestError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    return {
        "model": model,
        "stream": stream,
        "system": asked.system_instruction.as_blocks() if asked.system_instruction else [],
        "messages": [{"role": _ROLES[content.role], "content": content.as_blocks()} for content in asked.contents],
        "tools": list(_tools(asked.tools)),
        **_settings(asked.generation_config),
    }


def _result(response: JsonObject) -> JsonObject:
    is_error = "error" in response
    return {"content": str(response.get("error" if is_error else "output", "")), "is_error": is_error}


def _tools(tools: list[_Tool]) -> Iterator[JsonObject]:
    for declared in (declared for tool in tools for declared in tool.function_declarations):
        schema = declared.parameters_json_schema or declared.parameters
        yield {"name": declared.name, "description": declared.description, "input_schema": schema}


def _settings(config: _GenerationConfig) -> JsonObject:
    found: JsonObject = {
        "temperature": config.temperature,
        "max_tokens": config.max_output_tokens,
        "thinking_budget": config.thinking_config.thinking_budget,
    }
    if config.response_mime_type == "application/json":
        found["output_config"] = {"format": {"type": "json_schema", "schema": config.response_json_schema or {}}}
    return {name: value for name, value in found.items() if value is not None}
