"""The `gemini` runner: the Gemini API and the same small tool loop as that of the `anthropic` runner."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from google.genai import types
from google.genai.models import AsyncModels

from sessions.gemini_api import open_gemini_models, thinking_config
from sessions.runners.base import AgentEnd, AgentTask
from sessions.runners.gemini_answers import Hearing, chunks_of
from sessions.runners.tool_loop import Answer, Call, ToolLoop, open_toolbox, system_texts
from sessions.runners.tools import SAFE_TOOLS, ToolResult
from sessions.runners.turn_log import TurnLog
from sessions.transcript import Transcript


class GeminiRunner:
    """Drives a Gemini model through the Gemini API. Its tools are bash and files, confined to the workspace."""

    name = "gemini"
    safe_tools: tuple[str, ...] = SAFE_TOOLS

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock

    async def run(self, task: AgentTask, transcript: Transcript) -> AgentEnd:
        """See `sessions.runners.base.Runner`; a tool rule that cannot be used is a RunnerError."""
        toolbox, log = open_toolbox(task), TurnLog(transcript, self._clock)
        # The loop asks again itself: it knows how long the server wants to be left alone, and says that it waits.
        async with open_gemini_models(task.access) as models:
            return await ToolLoop(task, toolbox, log, _Dialogue(models, task, toolbox.definitions(), log)).run()


class _Dialogue:
    """See `sessions.runners.tool_loop.Dialogue`."""

    def __init__(self, models: AsyncModels, task: AgentTask, tools: list[dict[str, Any]], log: TurnLog) -> None:
        self._models = models
        self._model = task.model
        self._config = _config(task, tools)
        self._log = log
        self._contents: list[types.Content] = [types.UserContent(parts=[types.Part(text=task.prompt)])]

    async def answer(self) -> Answer:
        hearing = Hearing(self._log)
        await hearing.listen(chunks_of(self._models, self._model.id, self._contents, self._config))
        answer = hearing.judged(self._model)
        if answer.stop is None:
            self._contents.append(hearing.content)
        return answer

    def give_results(self, results: Sequence[tuple[Call, ToolResult]]) -> None:
        made = [part.function_call for part in self._contents[-1].parts or () if part.function_call]
        parts = [_response(call, result) for call, (_, result) in zip(made, results, strict=True)]
        self._contents.append(types.UserContent(parts=parts))

    def remind(self, text: str) -> None:
        self._contents[-1].parts = [*(self._contents[-1].parts or ()), types.Part(text=text)]


def _config(task: AgentTask, tools: list[dict[str, Any]]) -> types.GenerateContentConfig:
    declared = [
        types.FunctionDeclaration(
            name=tool["name"], description=tool["description"], parameters_json_schema=tool["input_schema"]
        )
        for tool in tools
    ]
    return types.GenerateContentConfig(
        system_instruction=[types.Part(text=text) for text in system_texts(task)],
        tools=[types.Tool(function_declarations=declared)] if declared else None,
        temperature=task.temperature,
        max_output_tokens=task.max_tokens,
        thinking_config=thinking_config(task.model, tokens=task.thinking_tokens),
        # Neither calls nor further requests behind the loop's back: it has limits to look at in between.
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        automatic_continuation=False,
    )


def _response(call: types.FunctionCall, result: ToolResult) -> types.Part:
    """What became of a call, by the id that the model gave it, if it gave one."""
    said = {"error" if result.is_error else "output": result.text}
    return types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response=said))
