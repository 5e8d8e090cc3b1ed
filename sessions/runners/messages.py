"""The `anthropic` runner: the Messages API and a small tool loop, for light sessions."""

import asyncio
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import anthropic
import httpx2
from anthropic.types import ContentBlock, Message, ToolUseBlock

from sessions.loop_guard import Level
from sessions.messages_api import CALL_TIMEOUT_SECONDS, NO_KEY
from sessions.models import Usage
from sessions.runners.answers import BrokenAnswerError, Stream, events_of, explain, usage_of
from sessions.runners.base import AgentEnd, AgentTask, Denial, Stop
from sessions.runners.loop_watch import LoopWatch
from sessions.runners.permissions import Permissions
from sessions.runners.tools import SAFE_TOOLS, TOOL_NAMES, Toolbox
from sessions.transcript import Entry, EntryKind, Transcript

BASE_PROMPT = """\
You are an agent that works unattended: nobody reads along and nobody answers questions. Where something is unclear,
choose the most reasonable reading, say that you did, and go on. You work in the folder {workspace} with the tools that
you are given; a denied call stays denied. When you are done, give your result as your last message."""
RETRY_SECONDS = 0.5
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
        permissions = Permissions(
            task.allowed_tools or SAFE_TOOLS, task.disallowed_tools, tools=TOOL_NAMES, workspace=task.workspace
        )
        toolbox = Toolbox(task.workspace, task.environment, permissions)
        async with _open_client(task) as client:
            return await _Conversation(client, task, toolbox, _Log(transcript, self._clock)).run()


def _open_client(task: AgentTask) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(
        api_key=task.api_key or NO_KEY,
        base_url=task.base_url or None,
        max_retries=task.retries,
        timeout=CALL_TIMEOUT_SECONDS,
    )


class _Log:
    """Writes entries with their time and turn."""

    def __init__(self, transcript: Transcript, clock: Callable[[], datetime]) -> None:
        self.transcript = transcript
        self.turn = transcript.turns
        self._clock = clock

    def add(self, kind: EntryKind, text: str = "", **fields: Any) -> None:  # noqa: ANN401 - the fields of Entry
        self.transcript.append(Entry(kind=kind, at=self._clock(), turn=self.turn, text=text, **fields))


class _Conversation:
    """One task from its prompt to its end."""

    def __init__(self, client: anthropic.AsyncAnthropic, task: AgentTask, toolbox: Toolbox, log: _Log) -> None:
        self._client = client
        self._task = task
        self._toolbox = toolbox
        self._log = log
        self._messages: list[JsonObject] = [{"role": "user", "content": [{"type": "text", "text": task.prompt}]}]
        self._turns_before = log.turn
        self._answers = 0
        self._spent = Usage()
        self._denials: list[Denial] = []
        self._loops = LoopWatch(task, log.transcript)

    async def run(self) -> AgentEnd:
        self._log.add("prompt", self._task.prompt)
        while True:
            try:
                answer = await self._patient_answer()
            except (anthropic.AnthropicError, httpx2.TransportError, BrokenAnswerError) as error:
                return self._end(Stop.FAILED, error=explain(error))
            self._answers += 1
            self._messages.append({"role": "assistant", "content": _as_sent(answer)})
            if end := self._judge(answer):
                return end
            await self._use_tools([block for block in answer.content if block.type == "tool_use"])
            if limit := self._reached_limit():
                return limit

    async def _patient_answer(self) -> Message:
        """The next answer; one that breaks off on its way is asked for again, which the client itself does not do."""
        for attempt in range(self._task.retries):
            try:
                return await self._answer()
            except (anthropic.APIStatusError, httpx2.TransportError) as error:
                if isinstance(error, anthropic.APIStatusError) and error.response.is_error:
                    raise
                self._log.add("note", f"The answer broke off and is asked for again: {explain(error)}.")
                await asyncio.sleep(RETRY_SECONDS * 2**attempt)
        return await self._answer()

    async def _answer(self) -> Message:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            opening = self._client.messages.stream(**self._request())
        if self._answers == 0:
            for warning in said:
                self._log.add("note", str(warning.message))
        async with opening as stream:
            answer = await self._listen(stream)
        if answer is None or not answer.stop_reason:
            raise BrokenAnswerError("the answer ended before it was complete")
        return answer

    def _request(self) -> JsonObject:
        task = self._task
        return {
            "model": task.model.id,
            "max_tokens": task.max_tokens,
            "system": self._system(),
            "tools": _marked(self._toolbox.definitions()),
            "messages": [*self._messages[:-1], _marked_message(self._messages[-1])],
            # The client has no argument for it any more; the API takes it.
            "extra_body": {"temperature": task.temperature},
        }

    def _system(self) -> list[JsonObject]:
        texts = [BASE_PROMPT.format(workspace=self._task.workspace), self._task.context]
        return _marked([{"type": "text", "text": text} for text in texts if text.strip()])

    async def _listen(self, stream: Stream) -> Message | None:
        """Write down what is said as it comes, and what it cost even if it breaks off."""
        answer: Message | None = None
        heard = -1
        try:
            async for event in events_of(stream):
                if event.type == "message_start":
                    self._log.turn, heard = self._turns_before + self._answers + 1, 0
                elif event.type == "content_block_stop":
                    self._hear(event.content_block)
                    heard += 1
                elif event.type == "message_stop":
                    answer = event.message
        finally:
            if heard >= 0:
                self._close_turn(stream.current_message_snapshot, heard)
        return answer

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
        usage = usage_of(message)
        self._spent += usage
        self._log.add("usage", usage=usage)

    def _judge(self, answer: Message) -> AgentEnd | None:
        """How the run ends with this answer; None if it goes on."""
        said = "\n\n".join(block.text for block in answer.content if block.type == "text" and block.text)
        match answer.stop_reason:
            case "pause_turn":
                return None
            case "tool_use" if any(block.type == "tool_use" for block in answer.content):
                return None
            case "refusal":
                return self._end(Stop.REFUSED, said, error="the model refused the task; see its last words")
            case "model_context_window_exceeded":
                return self._end(Stop.FAILED, said, error="the conversation outgrew the model; give it a smaller task")
            case "max_tokens":
                self._log.add("note", f"The answer was cut off at max_tokens={self._task.max_tokens}.")
        return self._end(Stop.FINISHED, said)

    async def _use_tools(self, calls: list[ToolUseBlock]) -> None:
        results = [await self._use_tool(call) for call in calls]
        if results:
            self._messages.append({"role": "user", "content": results})

    async def _use_tool(self, call: ToolUseBlock) -> JsonObject:
        arguments = _arguments(call)
        result = await self._toolbox.call(call.name, arguments)
        if result.denied:
            self._denials.append(Denial(tool=call.name, arguments=arguments))
        self._log.add("tool_result", result.text, tool=call.name, tool_call_id=call.id, is_error=result.is_error)
        return {"type": "tool_result", "tool_use_id": call.id, "content": result.text, "is_error": result.is_error}

    def _reached_limit(self) -> AgentEnd | None:
        task = self._task
        circling = self._loops.look()
        if circling.level is Level.STOP:
            return self._end(Stop.LOOP, error=circling.repeats)
        if task.max_turns and self._answers >= task.max_turns:
            return self._end(Stop.MAX_TURNS)
        if task.limits_cost and task.is_spent(task.model.cost_usd(self._spent)):
            return self._end(Stop.MAX_COST)
        if circling.level is Level.WARN:
            self._warn(circling.warning)
        return None

    def _warn(self, warning: str) -> None:
        self._log.add("note", warning)
        reminder = {"type": "text", "text": f"<system-reminder>\n{warning}\n</system-reminder>"}
        self._messages[-1]["content"].append(reminder)

    def _end(self, stop: Stop, said: str = "", *, error: str = "") -> AgentEnd:
        text = said or self._log.transcript.last_text
        return AgentEnd(stop=stop, final_text=text, error=error, denials=tuple(self._denials))


def _marked(blocks: list[JsonObject]) -> list[JsonObject]:
    """The same with a mark on the last, up to which the provider caches."""
    return [*blocks[:-1], {**blocks[-1], "cache_control": _CACHED}] if blocks else []


def _marked_message(message: JsonObject) -> JsonObject:
    return {**message, "content": _marked(message["content"])} if message["role"] == "user" else message


def _arguments(call: ToolUseBlock) -> dict[str, Any]:
    """What the model gave; anything but an object is none, and the tool then says what it lacks."""
    return call.input if isinstance(call.input, dict) else {}


def _as_sent(answer: Message) -> list[JsonObject]:
    """The answer's blocks as the API takes them back: without what the client added to them."""
    return [block.model_dump(mode="json", exclude={"parsed_output"}, exclude_none=True) for block in answer.content]
