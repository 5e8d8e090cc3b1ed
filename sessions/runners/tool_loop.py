"""The loop of the runners that have only an API: ask the model, make its calls, look at the limits, ask again."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from pydantic import BaseModel

from sessions.errors import RunnerError
from sessions.loop_guard import Level
from sessions.runners.base import AgentEnd, AgentTask, Denial, Stop
from sessions.runners.cost_watch import CostWatch
from sessions.runners.loop_watch import LoopWatch
from sessions.runners.mcp_rules import McpRules, without_mcp
from sessions.runners.permissions import Permissions
from sessions.runners.questions import briefing_of, may_ask, without_questions
from sessions.runners.tools import SAFE_TOOLS, TOOL_NAMES, Toolbox, ToolResult
from sessions.runners.turn_log import TurnLog

BASE_PROMPT = """\
{briefing} You work in the folder {workspace} with the tools that
you are given; a denied call stays denied. When you are done, give your result as your last message."""
RETRY_SECONDS = 0.5
#: A server that wants a longer wait is taken to be down: the next run tries again.
LONGEST_WAIT_SECONDS = 60.0


class Call(BaseModel, frozen=True):
    """A tool call that the model asked for."""

    id: str
    name: str
    arguments: dict[str, Any]


class Answer(BaseModel, frozen=True):
    """One whole answer of a model.

    `stop` is how the run ends with it; None if it goes on, with the results of `calls` if there are any. `error` is a
    sentence for a person where `stop` needs one. `cut_off` says that it reached the longest it may be.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    stop: Stop | None = None
    error: str = ""
    cut_off: bool = False


class AnswerError(RunnerError):
    """No whole answer came; the message says why, without a full stop.

    `again` says whether asking again may help, and `wait_seconds` how long the server wants to be left alone first;
    None if it did not say.
    """

    def __init__(self, message: str, *, again: bool = False, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.again = again
        self.wait_seconds = wait_seconds


class Dialogue(Protocol):
    """One conversation with one model, in the words of its API.

    What the model says goes into the turn log as it comes, and what it used when the answer ends, also where it breaks
    off or is cancelled.
    """

    async def answer(self) -> Answer:
        """The model's answer to everything so far, and its place in the conversation.

        Raises:
            AnswerError: no whole answer came; the conversation is as it was before.
        """
        ...

    def give_results(self, results: Sequence[tuple[Call, ToolResult]]) -> None:
        """What became of the calls of the latest answer, in their order."""
        ...

    def remind(self, text: str) -> None:
        """Add words that are nobody's to what the model is told next."""
        ...


def open_toolbox(task: AgentTask) -> Toolbox:
    """The tools of one run.

    Raises:
        RunnerError: a tool rule cannot be used.
    """
    rules = McpRules(task.allowed_tools, task.disallowed_tools, task.tools_of_servers)
    permissions = Permissions(
        without_questions(without_mcp(task.allowed_tools or SAFE_TOOLS)),
        without_questions(without_mcp(task.disallowed_tools)),
        tools=TOOL_NAMES,
        workspace=task.workspace,
    )
    return Toolbox(
        task.workspace,
        task.environment,
        permissions,
        sandbox=task.sandbox,
        session_tools=[tool for tool in task.session_tools if rules.offers(tool.server, tool.tool)],
        attendant=task.attendant if may_ask(task.disallowed_tools) else None,
    )


def system_texts(task: AgentTask) -> list[str]:
    """What the model is told before the prompt: how it works here, and the context."""
    texts = [BASE_PROMPT.format(briefing=briefing_of(task.attendant), workspace=task.workspace), task.context]
    return [text for text in texts if text.strip()]


class ToolLoop:
    """One task from its prompt to its end."""

    def __init__(self, task: AgentTask, toolbox: Toolbox, log: TurnLog, dialogue: Dialogue) -> None:
        self._task = task
        self._toolbox = toolbox
        self._log = log
        self._dialogue = dialogue
        self._denials: list[Denial] = []
        self._loops = LoopWatch(task, log.transcript)
        self._cost = CostWatch(task, log.transcript)

    async def run(self) -> AgentEnd:
        """Ask until the model is done or a limit bites."""
        self._log.add("prompt", self._task.prompt)
        while True:
            try:
                answer = await self._patient_answer()
            except AnswerError as error:
                return self._end(Stop.FAILED, error=str(error))
            self._log.answers += 1
            if answer.cut_off:
                self._log.add("note", f"The answer was cut off at max_tokens={self._task.max_tokens}.")
            if answer.stop:
                return self._end(answer.stop, answer.text, error=answer.error)
            if answer.calls:
                results = [(call, await self._use_tool(call)) for call in answer.calls]
                self._dialogue.give_results(results)
                if needed := next((result.needs_input for _, result in results if result.needs_input), ""):
                    return self._end(Stop.NEEDS_INPUT, error=needed)
            if limit := self._reached_limit():
                return limit

    async def _patient_answer(self) -> Answer:
        """The next answer; what failed for the moment is asked for again, and what would cost too much is not."""
        for attempt in range(self._task.retries):
            try:
                return await self._affordable_answer()
            except AnswerError as error:
                wait = RETRY_SECONDS * 2**attempt if error.wait_seconds is None else error.wait_seconds
                if not error.again or wait > LONGEST_WAIT_SECONDS:
                    raise
                self._log.add("note", f"No whole answer came, and it is asked for again: {error}.")
                await asyncio.sleep(wait)
        return await self._affordable_answer()

    async def _affordable_answer(self) -> Answer:
        if too_dear := self._cost.look():
            return Answer(stop=too_dear.stop, error=too_dear.error)
        return await self._dialogue.answer()

    async def _use_tool(self, call: Call) -> ToolResult:
        result = await self._toolbox.call(call.name, call.arguments)
        if result.denied:
            self._denials.append(Denial(tool=call.name, arguments=call.arguments))
        self._log.add("tool_result", result.text, tool=call.name, tool_call_id=call.id, is_error=result.is_error)
        return result

    def _reached_limit(self) -> AgentEnd | None:
        task = self._task
        circling = self._loops.look()
        if circling.level is Level.STOP:
            return self._end(Stop.LOOP, error=circling.repeats)
        if task.max_turns and self._log.answers >= task.max_turns:
            return self._end(Stop.MAX_TURNS)
        if circling.level is Level.WARN:
            self._log.add("note", circling.warning)
            self._dialogue.remind(f"<system-reminder>\n{circling.warning}\n</system-reminder>")
        return None

    def _end(self, stop: Stop, said: str = "", *, error: str = "") -> AgentEnd:
        text = said or self._log.transcript.last_text
        return AgentEnd(stop=stop, final_text=text, error=error, denials=tuple(self._denials))
