"""What a caller of the Messages API asked, in the words that rules and templates use."""

import re
from functools import cached_property
from typing import Any

from pydantic import BaseModel, JsonValue, ValidationError

from sessions.errors import SessionError

_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>\s*", re.DOTALL)
#: Servers count in tokens; this one counts characters and takes four for a token.
CHARACTERS_PER_TOKEN = 4


class RequestError(SessionError):
    """What arrived is not a request of the Messages API."""


class ApiMessage(BaseModel):
    """One message of the conversation; unknown fields of its blocks are kept as they are."""

    role: str
    content: str | list[dict[str, Any]]

    def blocks(self, kind: str) -> list[dict[str, Any]]:
        """Its content blocks of one type; plain content is one block of text."""
        if isinstance(self.content, str):
            return [{"type": "text", "text": self.content}] if kind == "text" else []
        return [block for block in self.content if block.get("type") == kind]

    @cached_property
    def whole_text(self) -> str:
        """All its text, reminders included."""
        return "\n".join(str(block.get("text", "")) for block in self.blocks("text"))

    @property
    def text(self) -> str:
        """What a person or agent said in it, without what Claude Code puts around it."""
        return _REMINDER.sub("", self.whole_text).strip()


class ApiRequest(BaseModel):
    """The body of `POST /v1/messages`: what this server looks at; the whole of it is kept by the recording."""

    model: str
    messages: list[ApiMessage]
    system: str | list[dict[str, Any]] = ""
    tools: list[dict[str, Any]] = []
    stream: bool = False
    output_config: dict[str, Any] | None = None
    output_format: dict[str, Any] | None = None

    @cached_property
    def system_text(self) -> str:
        """The system prompt as one text, with the system messages that Claude Code puts into the conversation."""
        prompt = ApiMessage(role="system", content=self.system)
        later = [message for message in self.messages if message.role == "system"]
        return "\n".join(message.whole_text for message in (prompt, *later))

    @cached_property
    def _said(self) -> list[str]:
        texts = [message.text for message in self.messages if message.role == "user"]
        return [text for text in texts if text] or [""]

    @property
    def prompt(self) -> str:
        """The first thing the user said."""
        return self._said[0]

    @property
    def last(self) -> str:
        """The latest thing the user said; tool results are not said."""
        return self._said[-1]

    @cached_property
    def reminders(self) -> str:
        """What Claude Code put around the user's words."""
        found = [_REMINDER.findall(message.whole_text) for message in self.messages]
        return "\n".join(text for texts in found for text in texts)

    @cached_property
    def results(self) -> list[str]:
        """The text of every tool result so far, in order."""
        return [_result_text(block) for message in self.messages for block in message.blocks("tool_result")]

    @cached_property
    def failed(self) -> list[bool]:
        """Whether each of the `results` is that of a call which failed or was denied."""
        return [bool(block.get("is_error")) for message in self.messages for block in message.blocks("tool_result")]

    @property
    def turn(self) -> int:
        """How many answers the conversation already holds."""
        return sum(message.role == "assistant" for message in self.messages)

    @property
    def tool_names(self) -> list[str]:
        """The tools that are offered."""
        return [str(tool.get("name", "")) for tool in self.tools]

    @property
    def wants_json(self) -> bool:
        """Whether the answer is asked for by a JSON schema."""
        return any(_is_schema(asked) for asked in ((self.output_config or {}).get("format"), self.output_format))

    @property
    def estimated_tokens(self) -> int:
        """A deterministic stand-in for the provider's count of the input."""
        return estimate_tokens(self.model_dump_json(include={"messages", "system", "tools"}))


def _is_schema(asked: object) -> bool:
    return isinstance(asked, dict) and asked.get("type") == "json_schema"


def _result_text(block: dict[str, Any]) -> str:
    content = block.get("content", "")
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in content if part.get("type") == "text")


def estimate_tokens(text: str) -> int:
    """How many tokens `text` is taken to have: at least one."""
    return max(1, len(text) // CHARACTERS_PER_TOKEN)


def read_request(body: JsonValue) -> ApiRequest:
    """The request that a JSON body holds.

    Raises:
        RequestError: the body lacks a field of the Messages API, or holds one of the wrong type.
    """
    try:
        return ApiRequest.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise RequestError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
