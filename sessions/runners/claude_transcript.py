"""Writes down what Claude Code says and does, from the messages of its SDK."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from claude_agent_sdk import (
    AssistantMessage,
    ContentBlock,
    Message,
    ResultMessage,
    StreamEvent,
    SystemMessage,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    UserMessage,
)

from sessions.models import Usage
from sessions.runners.base import Denial
from sessions.transcript import Entry, EntryKind, Transcript

#: The model's name in messages that the CLI makes itself, such as "API Error: …".
_SYNTHETIC = "<synthetic>"
_COUNTS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_write_tokens": "cache_creation_input_tokens",
}


class Listener:
    """Hears one session and writes its transcript.

    An answer comes as a stream of parts, with each finished block as a message in between. The parts say when a turn
    begins and ends and what it cost; the messages hold what was said.
    """

    def __init__(self, transcript: Transcript, clock: Callable[[], datetime]) -> None:
        self.usage = Usage()
        self.result: ResultMessage | None = None
        self._answered: set[str] = set()
        self._news = asyncio.Event()
        self._transcript = transcript
        self._clock = clock
        self._turn = transcript.turns
        self._answer: _Answer | None = None
        self._stop_reason = ""
        self._parts: list[str] = []
        self._available: frozenset[str] = frozenset()
        self._tools: dict[str, str] = {}
        self._denials: dict[str, Denial] = {}
        self._results: list[ToolResultBlock] = []

    @property
    def denials(self) -> tuple[Denial, ...]:
        """The calls that were not made, so far."""
        return tuple(self._denials.values())

    @property
    def last_text(self) -> str:
        """The latest thing the agent said; of an answer in several parts, because each was cut off, all of it."""
        return "".join(self._parts) or self._transcript.last_text

    @property
    def cut_off(self) -> bool:
        """Whether the last answer ended at the longest that an answer may be."""
        return self._stop_reason == "max_tokens"

    def add(self, kind: EntryKind, text: str = "", **fields: Any) -> None:  # noqa: ANN401 - the fields of Entry
        """Write an entry of the current turn."""
        self._transcript.append(Entry(kind=kind, at=self._clock(), turn=self._turn, text=text, **fields))

    def hear(self, message: Message) -> None:
        """Take in the next message."""
        match message:
            case SystemMessage(subtype="init"):
                self._available = frozenset(message.data.get("tools", ()))
            case StreamEvent(parent_tool_use_id=None):
                self._hear_part(message.event)
            case AssistantMessage(parent_tool_use_id=None) if message.model != _SYNTHETIC:
                self._hear_blocks(message)
            case UserMessage(content=list(blocks)):
                self._hear_results(blocks)
            case ResultMessage():
                self._hear_result(message)

    async def until_answered(self, calls: set[str]) -> None:
        """Wait until the results of all these tool calls, by id, are written down."""
        while not calls <= self._answered:
            self._news.clear()
            await self._news.wait()

    def close(self) -> None:
        """End the answer that is open, if one is: its last words if it broke off, its cost, and what its tools said.

        Tools start while the answer still comes; their results wait for its end, for the sake of the order.
        """
        if self._answer:
            answer, self._answer = self._answer, None
            if answer.words:
                self.add(answer.kind, answer.words)
            self._stop_reason = answer.stop_reason
            self.usage += answer.usage
            self.add("usage", usage=answer.usage)
        for block in self._results:
            self._write_result(block)
        self._results.clear()

    def _open(self, message_id: str, counted: Mapping[str, Any]) -> "_Answer":
        self.close()
        if not self.cut_off:
            self._parts.clear()
        self._turn += 1
        self._answer = _Answer(message_id, counted)
        return self._answer

    def _hear_part(self, event: Mapping[str, Any]) -> None:
        match event:
            case {"type": "message_start", "message": {"id": str(message_id), "usage": dict(counted)}}:
                self._open(message_id, counted).streamed = True
            case {"type": "message_stop"}:
                self.close()
            case _ if self._answer:
                self._answer.hear_part(event)

    def _hear_blocks(self, message: AssistantMessage) -> None:
        answer = self._answer
        if not (answer and answer.message_id == message.message_id):
            answer = self._open(message.message_id or "", message.usage or {})
        answer.words = ""
        for block in message.content:
            self._hear_block(block)

    def _hear_block(self, block: ContentBlock) -> None:
        match block:
            case TextBlock(text=text) if text:
                self._say(text)
            case ThinkingBlock(thinking=text) if text:
                self.add("thinking", text)
            case ToolUseBlock():
                self._tools[block.id] = block.name
                self.add("tool_call", tool=block.name, tool_call_id=block.id, arguments=block.input)
                if self._available and block.name not in self._available:
                    self._denials[block.id] = Denial(tool=block.name, arguments=block.input)

    def _say(self, text: str) -> None:
        said_before = self._answer is not None and self._answer.has_text
        self._parts.append(f"\n\n{text}" if said_before else text)
        if self._answer:
            self._answer.has_text = True
        self.add("text", text)

    def _hear_results(self, blocks: list[ContentBlock]) -> None:
        self._results += [block for block in blocks if isinstance(block, ToolResultBlock)]
        if not (self._answer and self._answer.streamed):
            self.close()

    def _write_result(self, block: ToolResultBlock) -> None:
        self.add(
            "tool_result",
            _text_of(block.content),
            tool=self._tools.get(block.tool_use_id, ""),
            tool_call_id=block.tool_use_id,
            is_error=bool(block.is_error),
        )
        self._answered.add(block.tool_use_id)
        self._news.set()

    def _hear_result(self, message: ResultMessage) -> None:
        self.close()
        self.result = message
        for denied in message.permission_denials or []:
            denial = Denial(tool=denied["tool_name"], arguments=denied["tool_input"])
            self._denials[denied["tool_use_id"]] = denial


class _Answer:
    """One answer of the model while it comes."""

    def __init__(self, message_id: str, counted: Mapping[str, Any]) -> None:
        self.message_id = message_id
        self.streamed = False
        self.has_text = False
        self.stop_reason = ""
        #: What was said of a block that is not finished.
        self.words = ""
        self.kind: EntryKind = "text"
        self._counted = dict(counted)

    @property
    def usage(self) -> Usage:
        """What the provider counted, as far as it has said."""
        counts = {ours: self._counted.get(theirs) for ours, theirs in _COUNTS.items()}
        return Usage(**{name: count for name, count in counts.items() if isinstance(count, int)})

    def hear_part(self, event: Mapping[str, Any]) -> None:
        """Take in a part of the stream."""
        match event:
            case {"type": "content_block_start"}:
                self.words = ""
            case {"type": "content_block_delta", "delta": {"text": str(words)}}:
                self.words, self.kind = self.words + words, "text"
            case {"type": "content_block_delta", "delta": {"thinking": str(words)}}:
                self.words, self.kind = self.words + words, "thinking"
            case {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": dict(counted)}:
                self.stop_reason = str(reason)
                self._counted |= {name: count for name, count in counted.items() if count is not None}


def _text_of(content: str | list[dict[str, Any]] | None) -> str:
    """A tool's result as text; of a picture it says only that there was one."""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", f"[{part.get('type')}]")) for part in content or [])
