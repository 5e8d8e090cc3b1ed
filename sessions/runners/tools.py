"""The tools of the `anthropic` and the `gemini` runner, named and shaped as Claude Code's."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, JsonValue, ValidationError

from sessions.runners import file_tools
from sessions.runners.commands import Command, CommandEnd, run_command
from sessions.runners.file_tools import EditInput, GlobInput, ReadInput, ToolError, WriteInput
from sessions.runners.permissions import Permissions
from sessions.runners.questions import NOBODY, QUESTION_TOOL, AskInput, Attendant, Unanswered
from sessions.runners.session_tools import SessionTool, fault_of
from sessions.sandbox import Sandbox

BASH_SECONDS = 120.0
BASH_SECONDS_MAX = 600.0
GREP_SECONDS = 60.0
_GREP = Path(__file__).with_name("grep.py")
_NOTHING_FOUND = 1


class BashInput(BaseModel, extra="forbid"):
    """Run a command in bash, in the workspace. Everything it leaves in the background ends with it."""

    command: str = Field(min_length=1, description="The command.")
    description: str = Field("", description="What it does, in a few words.")
    timeout: int = Field(
        int(BASH_SECONDS * 1000), ge=1, le=int(BASH_SECONDS_MAX * 1000), description="Longest time, in milliseconds."
    )


class GrepInput(BaseModel, extra="forbid"):
    """Search the contents of files by a regular expression, line by line."""

    pattern: str = Field(min_length=1, description="A regular expression as in Python.")
    path: str = Field(".", description="The file or folder to search.")
    glob: str = Field("", description="Only files whose path ends so, for example `*.py`.")
    output_mode: Literal["files_with_matches", "content", "count"] = Field(
        "files_with_matches", description="What to list: files, `file:line:text`, or `file:count`."
    )
    ignore_case: bool = Field(default=False, alias="-i", description="Upper and lower case are the same.")
    line_numbers: bool = Field(default=True, alias="-n", description="Number the lines of content.")


INPUTS: dict[str, type[BaseModel]] = {
    "Bash": BashInput,
    "Read": ReadInput,
    "Write": WriteInput,
    "Edit": EditInput,
    "Glob": GlobInput,
    "Grep": GrepInput,
}
TOOL_NAMES = tuple(INPUTS)
#: What an agent may do if its definition does not say: look, and not touch.
SAFE_TOOLS = (
    "Read",
    "Glob",
    "Grep",
    "Bash(git log:*)",
    "Bash(git show:*)",
    "Bash(git diff:*)",
    "Bash(git status:*)",
    "Bash(git blame:*)",
    "Bash(git ls-files:*)",
)


class ToolResult(BaseModel, frozen=True):
    """What the model is told about its call.

    `denied` says that it was not made, `needs_input` why the run cannot go on: a question that nobody answers.
    """

    text: str
    is_error: bool = False
    denied: bool = False
    needs_input: str = ""


class Toolbox:
    """The tools of one run, in one workspace, with one environment.

    Args:
        workspace: where they work.
        environment: what the commands see.
        permissions: which calls of the runner's own tools are made.
        session_tools: those of the session that may be called.
        attendant: takes the agent's questions; None if it may ask none.
        sandbox: in which commands run, if there is one. The other tools are our own code, which stays in the workspace.
    """

    def __init__(
        self,
        workspace: Path,
        environment: Mapping[str, str],
        permissions: Permissions,
        *,
        session_tools: Sequence[SessionTool] = (),
        attendant: Attendant | None = None,
        sandbox: Sandbox | None = None,
    ) -> None:
        self._workspace = workspace
        self._environment = environment
        self._permissions = permissions
        self._session_tools = {tool.name: tool for tool in session_tools}
        self._attendant = attendant
        self._sandbox = sandbox

    def definitions(self) -> list[dict[str, Any]]:
        """The tools that the model is told of, in the form of the Messages API."""
        offered = {name: model for name, model in INPUTS.items() if self._permissions.offers(name)}
        if self._attendant:
            offered[QUESTION_TOOL] = AskInput
        own = [
            {"name": name, "description": model.__doc__ or "", "input_schema": model.model_json_schema(by_alias=True)}
            for name, model in offered.items()
        ]
        session = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}
            for tool in self._session_tools.values()
        ]
        return own + session

    async def call(self, name: str, arguments: Mapping[str, JsonValue]) -> ToolResult:
        """Make one call, if it is allowed. What goes wrong in it is told to the model and does not end the run."""
        try:
            return await self._session_tool(name, arguments) or await self._own_tool(name, arguments)
        except ValidationError as error:
            return ToolResult(text=fault_of(error), is_error=True)
        except ToolError as error:
            return ToolResult(text=str(error), is_error=True)

    async def _session_tool(self, name: str, arguments: Mapping[str, JsonValue]) -> ToolResult | None:
        if tool := self._session_tools.get(name):
            return ToolResult(text=await tool.use(arguments))
        if self._attendant and name == QUESTION_TOOL:
            return await self._ask(self._attendant, AskInput.model_validate(arguments))
        return None

    async def _own_tool(self, name: str, arguments: Mapping[str, JsonValue]) -> ToolResult:
        if denial := self._permissions.why_denied(name, arguments):
            return ToolResult(text=f"Denied: {denial}", is_error=True, denied=True)
        return await self._run(INPUTS[name].model_validate(arguments))

    @staticmethod
    async def _ask(attendant: Attendant, asked: AskInput) -> ToolResult:
        found = await attendant.ask(asked.questions)
        if isinstance(found, Unanswered):
            return ToolResult(text=NOBODY, is_error=True, needs_input=found.reason)
        return ToolResult(text=found.text())

    async def _run(self, asked: BaseModel) -> ToolResult:
        match asked:
            case BashInput():
                return await self._bash(asked)
            case GrepInput():
                return await self._grep(asked)
            case _:
                # Files may lie on a slow disk: the stream and the limits go on meanwhile.
                return ToolResult(text=await asyncio.to_thread(self._file_tool, asked))

    def _file_tool(self, asked: BaseModel) -> str:
        match asked:
            case ReadInput():
                return file_tools.read(self._workspace, asked)
            case WriteInput():
                return file_tools.write(self._workspace, asked)
            case EditInput():
                return file_tools.edit(self._workspace, asked)
            case GlobInput():
                return file_tools.find_files(self._workspace, asked)
            case _:
                raise ToolError("There is no such tool.")

    async def _bash(self, asked: BashInput) -> ToolResult:
        bash = ["bash", "-c", asked.command]
        argv = self._sandbox.wrap(bash, cwd=self._workspace) if self._sandbox else bash
        end = await self._command(argv, asked.timeout / 1000)
        output = end.output.rstrip("\n")
        if end.exit_code is None:
            return ToolResult(text=f"Ended after {asked.timeout / 1000:g} s.\n{output}", is_error=True)
        if end.exit_code:
            return ToolResult(text=f"Exit code {end.exit_code}\n{output}", is_error=True)
        return ToolResult(text=output or "(no output)")

    async def _grep(self, asked: GrepInput) -> ToolResult:
        question = _question(asked, self._workspace)
        end = await self._command([sys.executable, "-I", str(_GREP), question.model_dump_json()], GREP_SECONDS)
        if end.exit_code is None:
            return ToolResult(text=f"The search took longer than {GREP_SECONDS:g} s; narrow it.", is_error=True)
        if end.exit_code == _NOTHING_FOUND and not end.output:
            return ToolResult(text="(nothing found)")
        return ToolResult(text=end.output.rstrip("\n"), is_error=end.exit_code != 0)

    async def _command(self, argv: list[str], timeout_seconds: float) -> CommandEnd:
        command = Command(
            argv=argv, cwd=self._workspace, environment=self._environment, timeout_seconds=timeout_seconds
        )
        try:
            return await run_command(command)
        except OSError as error:
            raise ToolError(f"{argv[0]} cannot be started in {self._workspace}: {error.strerror}.") from error


def _question(asked: GrepInput, workspace: Path) -> "_Question":
    start = file_tools.inside(workspace, asked.path)
    if not start.exists():
        raise ToolError(f"{asked.path} does not exist.")
    return _Question(**{**asked.model_dump(), "path": str(start), "root": str(workspace.resolve())})


class _Question(BaseModel):
    """What grep.py is asked."""

    root: str
    pattern: str
    path: str
    glob: str
    output_mode: str
    ignore_case: bool
    line_numbers: bool
