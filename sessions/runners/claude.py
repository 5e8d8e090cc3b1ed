"""The `claude-agent-sdk` runner: Claude Code, with its own tools, under the limits of a task."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, cast

from claude_agent_sdk import (
    ClaudeAgentOptions,
    ClaudeSDKClient,
    ClaudeSDKError,
    HookContext,
    HookInput,
    HookJSONOutput,
)
from pydantic import ValidationError

from sessions.loop_guard import Level
from sessions.runners.base import AgentEnd, AgentTask, Stop
from sessions.runners.claude_end import end_of, judge, judge_crash
from sessions.runners.claude_launch import scratch_folder
from sessions.runners.claude_options import options_for
from sessions.runners.claude_servers import why_servers_fail
from sessions.runners.claude_tools import SAFE_TOOLS, ToolRules
from sessions.runners.claude_transcript import Listener
from sessions.runners.cost_watch import CostWatch
from sessions.runners.loop_watch import LoopWatch
from sessions.runners.questions import NOBODY, Answered, AskInput, Unanswered
from sessions.transcript import Transcript

# What it logs as fatal ends in a sentence of ours.
logging.getLogger("claude_agent_sdk").addHandler(logging.NullHandler())
_INTERRUPT_SECONDS = 1.0
_CATCH_UP_SECONDS = 5.0
_COMPLAINTS_KEPT = 20


class ClaudeAgentSdkRunner:
    """Drives Claude Code through its SDK and the CLI that comes with it."""

    name = "claude-agent-sdk"
    safe_tools: tuple[str, ...] = SAFE_TOOLS

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock

    async def run(self, task: AgentTask, transcript: Transcript) -> AgentEnd:
        """See `sessions.runners.base.Runner`; a tool rule that cannot be used is a RunnerError."""
        rules = ToolRules(task.allowed_tools, task.disallowed_tools, task.workspace)
        listener = Listener(transcript, self._clock)
        limits = _Limits(task, listener, transcript)
        complaints: deque[str] = deque(maxlen=_COMPLAINTS_KEPT)
        with scratch_folder() as scratch:
            options = options_for(
                task,
                rules,
                scratch,
                after_tools=limits.after_tools,
                before_question=limits.before_question,
                on_stderr=complaints.append,
            )
            listener.add("prompt", task.prompt)
            if too_dear := limits.cost.look():
                return too_dear
            try:
                if fault := await _converse(options, task, listener, limits):
                    return end_of(listener, Stop.FAILED, fault)
            except Exception as error:
                # Beside its own kind the SDK raises bare exceptions; all else is not about the CLI.
                if not isinstance(error, ClaudeSDKError) and type(error) is not Exception:
                    raise
                return judge_crash(listener, error, list(complaints))
            finally:
                listener.close()
        if listener.cut_off:
            listener.add("note", f"The answer was cut off at max_tokens={task.max_tokens}.")
        return end_of(listener, limits.reached, limits.error) if limits.reached else judge(listener)


class _Limits:
    """Stops the agent: before it costs more than it may, when it goes in circles, over a question or another model."""

    def __init__(self, task: AgentTask, listener: Listener, transcript: Transcript) -> None:
        self.reached: Stop | None = None
        self.error = ""
        self._task = task
        self._listener = listener
        self.cost = CostWatch(task, transcript)
        self._loops = LoopWatch(task, transcript)

    async def after_tools(self, event: HookInput, _id: str | None, _context: HookContext) -> HookJSONOutput:
        """The agent's PostToolBatch hook: the CLI waits for it before it asks the model again."""
        call: dict[str, Any] = dict(event)
        # The event overtakes the messages before it.
        with contextlib.suppress(TimeoutError):
            calls = {str(made.get("tool_use_id")) for made in call.get("tool_calls", [])}
            await asyncio.wait_for(self._listener.until_answered(calls), _CATCH_UP_SECONDS)
        if self.reached:
            return self._stop(self.reached, self.error)
        circling = self._loops.look()
        if circling.level is Level.STOP:
            return self._stop(Stop.LOOP, circling.repeats)
        if too_dear := self.cost.look():
            return self._stop(too_dear.stop, too_dear.error)
        if circling.level is Level.WARN:
            self._listener.add("note", circling.warning)
            # The CLI knows this event, and puts the words behind the last result; the SDK's type does not.
            said = {"hookEventName": "PostToolBatch", "additionalContext": circling.warning}
            return cast("HookJSONOutput", {"hookSpecificOutput": said})
        return {}

    def bite_now(self) -> bool:
        """Whether the CLI has to be interrupted: another model answers, or more of what was cut off costs too much.

        It has no hook for either.
        """
        if self.reached:
            return False
        if other := self._task.model.why_not_from(self._listener.answered_by):
            self.reached, self.error = Stop.FAILED, other
        elif self._listener.cut_off and (too_dear := self.cost.look()):
            self.reached, self.error = too_dear.stop, too_dear.error
        return self.reached is not None

    async def before_question(self, event: HookInput, _id: str | None, _context: HookContext) -> HookJSONOutput:
        """The PreToolUse hook of the agent's question: the answer goes with it, and the CLI asks nobody else.

        Only the hook after the tools can stop the agent, where nobody has one.
        """
        call: dict[str, Any] = dict(event)
        given = call["tool_input"]
        try:
            asked = AskInput.model_validate(given)
        except ValidationError:
            return {}  # the CLI tells the agent what a question needs
        found = await self._task.attendant.ask(asked.questions) if self._task.attendant else Unanswered(reason="")
        if isinstance(found, Unanswered):
            self.reached, self.error = Stop.NEEDS_INPUT, found.reason
            found = Answered(answers={question.question: NOBODY for question in asked.questions})
        return {
            "hookSpecificOutput": {
                "hookEventName": "PreToolUse",
                "permissionDecision": "allow",
                "updatedInput": {**given, "answers": found.answers},
            }
        }

    def _stop(self, stop: Stop, error: str = "") -> HookJSONOutput:
        self.reached, self.error = stop, error
        return {"continue_": False, "stopReason": error or "The agent has spent what it may."}


async def _converse(options: ClaudeAgentOptions, task: AgentTask, listener: Listener, limits: _Limits) -> str:
    """Have the whole conversation; returns why it was not begun, empty if it was."""
    async with _connected(options) as client:
        if fault := await why_servers_fail(client, task):
            return fault
        await client.query(task.prompt)
        async for message in client.receive_response():
            listener.hear(message)
            if limits.bite_now():
                await client.interrupt()
    return ""


@contextlib.asynccontextmanager
async def _connected(options: ClaudeAgentOptions) -> AsyncIterator[ClaudeSDKClient]:
    """A running CLI. When cancelled it is told to stop what it does first: else it takes seconds to notice."""
    client = ClaudeSDKClient(options)
    await client.connect()
    try:
        yield client
    except asyncio.CancelledError:
        with contextlib.suppress(ClaudeSDKError, TimeoutError):
            await asyncio.wait_for(client.interrupt(), _INTERRUPT_SECONDS)
        raise
    finally:
        await client.disconnect()
