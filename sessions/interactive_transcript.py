"""Reads the file in which Claude Code writes down a conversation, and says whose words each part of it is.

A line of the file is one message, or one block of it. Only what the person typed counts as the owner's: under the
user's name Claude Code also writes what its tools returned, what its commands printed, its reminders and summaries.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, ValidationError
from pydantic.alias_generators import to_camel

from sessions.errors import RunFolderError
from sessions.transcript import Entry, EntryKind

#: The tool in whose name Claude Code's own output stands: what its commands print, what comes from the background.
CLAUDE_CODE = "Claude Code"
_SYNTHETIC = "<synthetic>"
_NOT_TYPED = re.compile(r"<(system-reminder|ide_\w+)>.*?(</\1>|\Z)", re.DOTALL)


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class _Block(BaseModel):
    type: str
    text: str = ""
    thinking: str = ""
    id: str = ""
    name: str = ""
    input: dict[str, JsonValue] = {}
    tool_use_id: str = ""
    content: JsonValue = None
    is_error: bool | None = None


class _Message(BaseModel):
    id: str = ""
    model: str = ""
    content: str | list[_Block] = ""

    @property
    def blocks(self) -> list[_Block]:
        return self.content if isinstance(self.content, list) else [_Block(type="text", text=self.content)]


class _Attachment(_Camel):
    type: str
    command_mode: str = ""
    prompt: str | list[_Block] = ""


class _Origin(BaseModel):
    kind: str = ""


class _Line(_Camel):
    """One line of the file.

    `prompt_source` is there for what came in at the prompt and for nothing else: `typed`, `queued`,
    `suggestion_accepted` or `sdk`, and `system` for what Claude Code wrote there itself.
    """

    type: str
    uuid: str = ""
    timestamp: AwareDatetime | None = None
    is_sidechain: bool = False
    is_meta: bool = False
    is_compact_summary: bool = False
    prompt_source: str = ""
    origin: _Origin = _Origin()
    message: _Message = _Message()
    attachment: _Attachment | None = None

    @property
    def is_typed(self) -> bool:
        return self.prompt_source not in ("", "system") and self.origin.kind in ("", "human")

    @property
    def is_queued_prompt(self) -> bool:
        """Whether the person typed it while the agent was at work."""
        queued = self.attachment and (self.attachment.type, self.attachment.command_mode) == (
            "queued_command",
            "prompt",
        )
        return bool(queued) and self.origin.kind in ("", "human")


class Said(BaseModel, frozen=True):
    """One entry, and the id of the line that it is from."""

    line: str
    entry: Entry


def read_conversation(path: Path) -> list[Said]:
    """All that was said and done in a conversation, in its order; torn lines and agents of the agent are left out.

    Raises:
        RunFolderError: the file cannot be read, or holds no conversation of Claude Code.
    """
    try:
        raw = path.read_bytes().splitlines()
    except OSError as error:
        raise RunFolderError(f"the transcript {path} cannot be read: {error.strerror}") from error
    lines = [line for line in map(_parsed, raw) if line]
    if raw and not lines:
        raise RunFolderError(f"{path} is no transcript of Claude Code: not one of its lines can be read as such")
    return list(_Reader().read(lines))


def _parsed(raw: bytes) -> _Line | None:
    try:
        return _Line.model_validate_json(raw)
    except ValidationError:
        return None


class _Reader:
    """Turns lines into entries; knows the turn, and which tool each call was of."""

    def __init__(self) -> None:
        self._turn = 0
        self._message = ""
        self._tools: dict[str, str] = {}

    def read(self, lines: Iterable[_Line]) -> Iterator[Said]:
        for line in lines:
            if line.timestamp is None or line.is_sidechain or line.is_meta or line.is_compact_summary:
                continue
            for entry in self._entries(line, line.timestamp):
                yield Said(line=line.uuid, entry=entry)

    def _entries(self, line: _Line, at: datetime) -> Iterator[Entry]:
        if line.type == "user":
            yield from self._heard(line, at)
        elif line.type == "assistant" and line.message.model != _SYNTHETIC:
            yield from self._answered(line.message, at)
        elif line.attachment and line.is_queued_prompt:
            yield from self._typed(_text_of(line.attachment.prompt), at)

    def _heard(self, line: _Line, at: datetime) -> Iterator[Entry]:
        for block in line.message.blocks:
            if block.type == "tool_result":
                yield self._entry(
                    "tool_result",
                    at,
                    _text_of(block.content),
                    tool=self._tools.get(block.tool_use_id, CLAUDE_CODE),
                    tool_call_id=block.tool_use_id,
                    is_error=bool(block.is_error),
                )
            elif line.is_typed:
                yield from self._typed(block.text, at)
            elif block.text.strip():
                yield self._entry("tool_result", at, block.text, tool=CLAUDE_CODE)

    def _typed(self, text: str, at: datetime) -> Iterator[Entry]:
        if words := _NOT_TYPED.sub("", text).strip():
            yield self._entry("prompt", at, words)

    def _answered(self, message: _Message, at: datetime) -> Iterator[Entry]:
        if message.id != self._message:
            self._message, self._turn = message.id, self._turn + 1
        for block in message.blocks:
            if block.type == "text" and block.text:
                yield self._entry("text", at, block.text)
            elif block.type == "thinking" and block.thinking:
                yield self._entry("thinking", at, block.thinking)
            elif block.type == "tool_use":
                self._tools[block.id] = block.name
                yield self._entry("tool_call", at, tool=block.name, tool_call_id=block.id, arguments=block.input)

    def _entry(self, kind: EntryKind, at: datetime, text: str = "", **fields: object) -> Entry:
        return Entry.model_validate({"kind": kind, "at": at, "turn": self._turn, "text": text, **fields})


def _text_of(content: object) -> str:
    """Words of a prompt or a tool's result; of a picture it says only that there was one."""
    if isinstance(content, str):
        return content
    parts: Sequence[object] = content if isinstance(content, list) else []
    return "\n".join(_part(part) for part in parts)


def _part(part: object) -> str:
    fields = part.model_dump() if isinstance(part, BaseModel) else part
    return str(fields.get("text") or f"[{fields.get('type')}]") if isinstance(fields, dict) else str(part)
