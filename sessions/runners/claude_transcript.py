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
#: Our counts, as an answer calls them and as the CLI's own sum does.
_COUNTS = {
    "input_tokens": ("input_tokens", "inputTokens"),
    "output_tokens": ("output_tokens", "outputTokens"),
    "cache_read_tokens": ("cache_read_input_tokens", "cacheReadInputTokens"),
    "cache_write_tokens": ("cache_creation_input_tokens", "cacheCreationInputTokens"),
}


class Listener:
    """Hears one session and writes its transcript.

    An answer comes as a stream of parts, with each finished block as a message in between. The parts say when a turn
    begins and ends and what it cost; the messages hold what was said.
    """

    def __init__(self, transcript: Transcript, clock: Callable[[], datetime]) -> None:
        self.usage = Usage()
        self.result: ResultMessage | None = None
        #: What the server calls the model of the latest answer.
        self.answered_by = ""
        self._answered: set[str] = set()
        self._news = asyncio.Event()
        self._transcript = transcript
        self._clock = clock
        self._turn = transcript.turns
        self._answer: _Answer | None = None
        self._stop_reason = ""
        self._parts: list[str] = []
        self._available: frozenset[str] = frozenset()
        self._calls: dict[str, Entry] = {}
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

    def add(self, kind: EntryKind, text: str = "", **fields: Any) -> Entry:  # noqa: ANN401 - the fields of Entry
        """Write an entry of the current turn; returns it as it was written, without secrets."""
        return self._transcript.append(Entry(kind=kind, at=self._clock(), turn=self._turn, text=text, **fields))

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
        # What the server sends to keep the line open is no word of the model.
        if event.get("type") != "ping":
            self._transcript.sign()
        match event:
            case {"type": "message_start", "message": {"id": str(message_id), "usage": dict(counted), **more}}:
                self._open(message_id, counted).streamed = True
                self.answered_by = str(more.get("model") or "")
            case {"type": "message_stop"}:
                self.close()
            case _ if self._answer:
                self._answer.hear_part(event)

    def _hear_blocks(self, message: AssistantMessage) -> None:
        answer = self._answer
        if not (answer and answer.message_id == message.message_id):
            answer = self._open(message.message_id or "", message.usage or {})
        answer.words = ""
        self.answered_by = message.model
        for block in message.content:
            self._hear_block(block)

    def _hear_block(self, block: ContentBlock) -> None:
        match block:
            case TextBlock(text=text) if text:
                self._say(text)
            case ThinkingBlock(thinking=text) if text:
                self.add("thinking", text)
            case ToolUseBlock():
                self._hear_call(block)

    def _hear_call(self, block: ToolUseBlock) -> None:
        call = self.add("tool_call", tool=block.name, tool_call_id=block.id, arguments=block.input)
        self._calls[block.id] = call
        if self._available and block.name not in self._available:
            self._denials[block.id] = Denial(tool=call.tool, arguments=call.arguments)

    def _say(self, text: str) -> None:
        said_before = self._answer is not None and self._answer.has_text
        said = self.add("text", text).text
        self._parts.append(f"\n\n{said}" if said_before else said)
        if self._answer:
            self._answer.has_text = True

    def _hear_results(self, blocks: list[ContentBlock]) -> None:
        self._results += [block for block in blocks if isinstance(block, ToolResultBlock)]
        if not (self._answer and self._answer.streamed):
            self.close()

    def _write_result(self, block: ToolResultBlock) -> None:
        call = self._calls.get(block.tool_use_id)
        self.add(
            "tool_result",
            _text_of(block.content),
            tool=call.tool if call else "",
            tool_call_id=block.tool_use_id,
            is_error=bool(block.is_error),
        )
        self._answered.add(block.tool_use_id)
        self._news.set()

    def _hear_result(self, message: ResultMessage) -> None:
        self.close()
        self.result = message
        unheard = _unheard(message, self.usage)
        if unheard.total_tokens:
            self.usage += unheard
            self.add("usage", "Requests beside the turns, such as to shorten the conversation.", usage=unheard)
        for denied in message.permission_denials or []:
            if call := self._calls.get(denied["tool_use_id"]):
                self._denials[denied["tool_use_id"]] = Denial(tool=call.tool, arguments=call.arguments)


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
        counts = {ours: self._counted.get(theirs) for ours, (theirs, _) in _COUNTS.items()}
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


def _unheard(message: ResultMessage, heard: Usage) -> Usage:
    """What the CLI counted on top of the answers that came through."""
    models: list[dict[str, Any]] = [dict(used) for used in (message.model_usage or {}).values()]
    sums = {ours: sum(used.get(theirs) or 0 for used in models) for ours, (_, theirs) in _COUNTS.items()}
    return Usage(**{name: max(0, count - getattr(heard, name)) for name, count in sums.items()})


def _text_of(content: str | list[dict[str, Any]] | None) -> str:
    """A tool's result as text; of a picture it says only that there was one."""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", f"[{part.get('type')}]")) for part in content or [])
