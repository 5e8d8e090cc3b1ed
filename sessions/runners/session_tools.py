"""Tools that run in the session's own process: an agent may call them, and what they touch stays out of its reach."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import BaseModel, JsonValue, ValidationError

from sessions.runners.file_tools import ToolError


def fault_of(error: ValidationError) -> str:
    """What is wrong with the arguments of a call, as a sentence for the model."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}."


class SessionTool(BaseModel, frozen=True, arbitrary_types_allowed=True):
    """One tool, the same in every runner, under the name that Claude Code gives the tools of an MCP server.

    `input` has the arguments; its docstring tells the model what the tool does. `call` takes one of those and returns
    the result as text, or raises a `ToolError` whose sentence is for the model.
    """

    server: str
    tool: str
    input: type[BaseModel]
    call: Callable[[Any], Awaitable[str]]

    @property
    def name(self) -> str:
        """What the model calls it by, and what rules name."""
        return f"mcp__{self.server}__{self.tool}"

    @property
    def description(self) -> str:
        """What the model is told of it."""
        return inspect.cleandoc(self.input.__doc__ or "")

    @property
    def input_schema(self) -> dict[str, Any]:
        """Its arguments as JSON schema; what they are for is said by the description."""
        return {key: value for key, value in self.input.model_json_schema().items() if key != "description"}

    async def use(self, arguments: Mapping[str, JsonValue]) -> str:
        """Make one call.

        Raises:
            ToolError: the arguments are wrong, or it cannot be done.
        """
        try:
            asked = self.input.model_validate(dict(arguments))
        except ValidationError as error:
            raise ToolError(fault_of(error)) from error
        return await self.call(asked)
