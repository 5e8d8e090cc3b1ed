"""The `anthropic` runner: the Messages API and a small tool loop, for light sessions."""

import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import anthropic
import httpx2
from anthropic.types import ContentBlock, Message, ToolUseBlock

from sessions.messages_api import open_messages_client, usage_of
from sessions.runners.answers import BrokenAnswerError, Stream, events_of, explain
from sessions.runners.base import AgentEnd, AgentTask, Stop
from sessions.runners.tool_loop import Answer, AnswerError, Call, ToolLoop, open_toolbox, system_texts
from sessions.runners.tools import SAFE_TOOLS, ToolResult
from sessions.runners.turn_log import TurnLog
from sessions.transcript import Transcript

_CACHED = {"type": "ephemeral"}

JsonObject = dict[str, Any]


def now_utc() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


class AnthropicRunner:
    """Drives a Claude model through the Messages API. Its tools are bash and files, confined to the workspace."""

    name = "anthropic"
    safe_tools: tuple[str, ...] = SAFE_TOOLS

    def __init__(self, clock: Callable[[], datetime] = now_utc) -> None:
        self._clock = clock

    async def run(self, task: AgentTask, transcript: Transcript) -> AgentEnd:
        """See `sessions.runners.base.Runner`; a tool rule that cannot be used is a RunnerError."""
        toolbox, log = open_toolbox(task), TurnLog(transcript, self._clock)
        async with open_messages_client(task.access, retries=task.retries) as client:
            return await ToolLoop(task, toolbox, log, _Dialogue(client, task, toolbox.definitions(), log)).run()


class _Dialogue:
    """See `sessions.runners.tool_loop.Dialogue`."""

    def __init__(
        self, client: anthropic.AsyncAnthropic, task: AgentTask, tools: list[JsonObject], log: TurnLog
    ) -> None:
        self._client = client
        self._task = task
        self._tools = tools
        self._log = log
        self._messages: list[JsonObject] = [{"role": "user", "content": [{"type": "text", "text": task.prompt}]}]

    async def answer(self) -> Answer:
        try:
            message = await self._ask()
        except BrokenAnswerError as error:
            raise AnswerError(explain(error)) from error
        except (anthropic.AnthropicError, httpx2.TransportError) as error:
            raise AnswerError(explain(error), again=_broke_off(error)) from error
        self._messages.append({"role": "assistant", "content": _as_sent(message)})
        if other := self._task.model.why_not_from(message.model):
            return Answer(text=_said(message), stop=Stop.FAILED, error=other)
        return _judged(message)

    def give_results(self, results: Sequence[tuple[Call, ToolResult]]) -> None:
        self._messages.append({"role": "user", "content": [_result(call, result) for call, result in results]})

    def remind(self, text: str) -> None:
        self._messages[-1]["content"].append({"type": "text", "text": text})

    async def _ask(self) -> Message:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            opening = self._client.messages.stream(**self._request())
        if self._log.answers == 0:
            for warning in said:
                self._log.add("note", str(warning.message))
        async with opening as stream:
            message = await self._listen(stream)
        if message is None or not message.stop_reason:
            raise BrokenAnswerError("the answer ended before it was complete")
        return message

    def _request(self) -> JsonObject:
        task = self._task
        return {
            "model": task.model.id,
            "max_tokens": task.max_tokens,
            "system": _marked([{"type": "text", "text": text} for text in system_texts(task)]),
            "tools": _marked(self._tools),
            "messages": [*self._messages[:-1], _marked_message(self._messages[-1])],
            **_thinking(task),
            # The client has no argument for it any more; the API takes it.
            "extra_body": {"temperature": task.temperature},
        }

    async def _listen(self, stream: Stream) -> Message | None:
        """Write down what is said as it comes, and what it cost even if it breaks off."""
        message: Message | None = None
        heard = -1
        try:
            async for event in events_of(stream):
                self._log.transcript.sign()
                if event.type == "message_start":
                    self._log.open_turn()
                    heard = 0
                elif event.type == "content_block_stop":
                    self._hear(event.content_block)
                    heard += 1
                elif event.type == "message_stop":
                    message = event.message
        finally:
            if heard >= 0:
                self._close_turn(stream.current_message_snapshot, heard)
        return message

    def _hear(self, block: ContentBlock) -> None:
        if block.type == "text" and block.text:
            self._log.add("text", block.text)
        elif block.type == "thinking" and block.thinking:
            self._log.add("thinking", block.thinking)
        elif block.type == "tool_use":
            self._log.add("tool_call", tool=block.name, tool_call_id=block.id, arguments=_arguments(block))

    def _close_turn(self, message: Message, heard: int) -> None:
        """Keep what was said of an answer that broke off in the middle of a block; a torn tool call is none."""
        for block in message.content[heard:]:
            if block.type != "tool_use":
                self._hear(block)
        self._log.close_turn(usage_of(message))


def _thinking(task: AgentTask) -> JsonObject:
    budget = task.thinking_tokens
    return {"thinking": {"type": "enabled", "budget_tokens": budget}} if budget else {}


def _broke_off(error: Exception) -> bool:
    """Whether an answer broke off on its way: all else the client has tried again itself."""
    if isinstance(error, anthropic.APIStatusError):
        return not error.response.is_error
    return isinstance(error, httpx2.TransportError)


def _judged(message: Message) -> Answer:
    """What the model says, and how the run ends with it if it does."""
    said = _said(message)
    calls = [block for block in message.content if block.type == "tool_use"]
    if message.stop_reason == "pause_turn" or (message.stop_reason == "tool_use" and calls):
        return Answer(text=said, calls=tuple(_call(block) for block in calls))
    match message.stop_reason:
        case "refusal":
            return Answer(text=said, stop=Stop.REFUSED, error="the model refused the task; see its last words")
        case "model_context_window_exceeded":
            error = "the conversation outgrew the model; give it a smaller task"
            return Answer(text=said, stop=Stop.FAILED, error=error)
    return Answer(text=said, stop=Stop.FINISHED, cut_off=message.stop_reason == "max_tokens")


def _said(message: Message) -> str:
    return "\n\n".join(block.text for block in message.content if block.type == "text" and block.text)


def _call(block: ToolUseBlock) -> Call:
    return Call(id=block.id, name=block.name, arguments=_arguments(block))


def _result(call: Call, result: ToolResult) -> JsonObject:
    return {"type": "tool_result", "tool_use_id": call.id, "content": result.text, "is_error": result.is_error}


def _marked(blocks: list[JsonObject]) -> list[JsonObject]:
    """The same with a mark on the last, up to which the provider caches."""
    return [*blocks[:-1], {**blocks[-1], "cache_control": _CACHED}] if blocks else []


def _marked_message(message: JsonObject) -> JsonObject:
    return {**message, "content": _marked(message["content"])} if message["role"] == "user" else message


def _arguments(call: ToolUseBlock) -> dict[str, Any]:
    """What the model gave; anything but an object is none, and the tool then says what it lacks."""
    return call.input if isinstance(call.input, dict) else {}


def _as_sent(message: Message) -> list[JsonObject]:
    """The answer's blocks as the API takes them back: without what the client added to them."""
    return [block.model_dump(mode="json", exclude={"parsed_output"}, exclude_none=True) for block in message.content]
