"""The script of the offline model: rules that say which request gets which answer."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    ValidationError,
    model_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sessions.errors import ScriptError
from sessions.offline.request import ApiRequest
from sessions.offline.templates import check_template, check_templates

Template = Annotated[str, AfterValidator(check_template)]
StopReason = Literal["end_turn", "tool_use", "max_tokens", "stop_sequence", "pause_turn", "refusal"]
ErrorType = Literal[
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "not_found_error",
    "rate_limit_error",
    "api_error",
    "overloaded_error",
]


class TextBlock(BaseModel, extra="forbid"):
    """Something said."""

    text: Template


class ThinkingBlock(BaseModel, extra="forbid"):
    """Something thought."""

    thinking: Template


class ToolBlock(BaseModel, extra="forbid"):
    """A tool call. Every string in `input` is a template."""

    tool: str = Field(min_length=1)
    input: Annotated[dict[str, JsonValue], AfterValidator(check_templates)] = {}


def _kind_of(block: object) -> str | None:
    """Which block is meant, so that an error is about that one and not about all three."""
    keys = block if isinstance(block, dict) else vars(block) if isinstance(block, BaseModel) else {}
    return next((kind for kind in ("tool", "thinking", "text") if kind in keys), None)


Block = Annotated[
    Annotated[TextBlock, Tag("text")] | Annotated[ThinkingBlock, Tag("thinking")] | Annotated[ToolBlock, Tag("tool")],
    Discriminator(_kind_of, custom_error_type="block", custom_error_message="a block needs text, thinking or tool"),
]


class GivenUsage(BaseModel, extra="forbid"):
    """Token counts to report. What is left out is estimated, and cached tokens are 0."""

    input_tokens: int | None = Field(None, ge=0)
    output_tokens: int | None = Field(None, ge=0)
    cache_read_input_tokens: int = Field(0, ge=0)
    cache_creation_input_tokens: int = Field(0, ge=0)


class ApiFault(BaseModel, extra="forbid"):
    """An error as the API gives it. Beside `blocks`, a stream sends those first and breaks with it."""

    type: ErrorType
    message: str = "as the script says"
    retry_after_seconds: float | None = Field(None, ge=0)


class GeminiWords(BaseModel, extra="forbid"):
    """What only the Gemini API can say; a caller of the Messages API does not hear of it.

    `finish_reason` stands in place of the one that `stop_reason` means. `block_reason` blocks the prompt, so that there
    is no answer.
    """

    finish_reason: str = ""
    block_reason: str = ""


class Answer(BaseModel, extra="forbid"):
    """What a request gets.

    `delay_seconds` passes before the first byte, `pause_seconds` before each block of a stream, `part_seconds` before
    each part of a block. `fault` answers with a body that is not JSON, with JSON that is no message, or with a stream
    that ends in the middle of a block. `answered_by` is the model that says it answered, if not the one that was asked.
    """

    blocks: list[Block] = []
    stop_reason: StopReason | None = None
    usage: GivenUsage = GivenUsage()
    gemini: GeminiWords | None = None
    answered_by: str = ""
    error: ApiFault | None = None
    fault: Literal["", "invalid_json", "not_a_message", "cut_stream"] = ""
    delay_seconds: float = Field(0.0, ge=0)
    pause_seconds: float = Field(0.0, ge=0)
    part_seconds: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.blocks or self.error or self.fault or self.stop_reason or self.gemini):
            raise ValueError("an answer needs blocks, stop_reason, gemini, error or fault")
        return self


def _is_regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
    return pattern


class When(BaseModel, extra="forbid"):
    """Conditions, all of which must hold; none means always.

    `turn` counts the answers the conversation already holds, from 0. `use` is the how-maniest request, from 1, for
    which all the other conditions of this rule hold. `last_*` look at the latest thing the user said, which tool
    results are not; `result_contains` looks at the latest tool result.
    """

    last_contains: str = ""
    last_matches: Annotated[str, AfterValidator(_is_regex)] = ""
    prompt_contains: str = ""
    system_contains: str = ""
    result_contains: str = ""
    model: str = ""
    turn: int | None = Field(None, ge=0)
    turn_at_least: int = Field(0, ge=0)
    tool: str = ""
    has_tools: bool | None = None
    json_schema: bool | None = None
    use: int | None = Field(None, ge=1)

    def holds(self, request: ApiRequest) -> bool:
        """Whether every condition but `use` holds for `request`."""
        return self._words_match(request) and self._form_matches(request)

    def _words_match(self, request: ApiRequest) -> bool:
        return (
            self.last_contains in request.last
            and re.search(self.last_matches, request.last, re.DOTALL) is not None
            and self.prompt_contains in request.prompt
            and self.system_contains in request.system_text
            and self.result_contains in (request.results or [""])[-1]
        )

    def _form_matches(self, request: ApiRequest) -> bool:
        return (
            self.model in ("", request.model)
            and self.turn in (None, request.turn)
            and self.turn_at_least <= request.turn
            and (not self.tool or self.tool in request.tool_names)
            and self.has_tools in (None, bool(request.tools))
            and self.json_schema in (None, request.wants_json)
        )


class Rule(BaseModel, extra="forbid"):
    """One request and its answer. `name` stands in errors."""

    name: str = ""
    when: When = When()
    answer: Answer


class Script(BaseModel, extra="forbid"):
    """Rules in order: the first that matches answers."""

    description: str = ""
    rules: list[Rule] = Field(min_length=1)


def read_script(path: Path) -> Script:
    """The script in a YAML file.

    Raises:
        ScriptError: the file cannot be read, is not YAML, or a rule is wrong; the sentence names file and rule.
    """
    try:
        return Script.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path}: the script cannot be read: {error}") from error
    except YAMLError as error:
        raise ScriptError(f"{path}: the script is not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole file"
        raise ScriptError(f"{path}: {where}: {first['msg']}") from error
