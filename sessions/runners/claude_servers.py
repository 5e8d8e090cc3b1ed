"""MCP servers for Claude Code: the session's own tools, in our process, and the servers that a definition names."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from claude_agent_sdk import ClaudeSDKClient, McpServerConfig, SdkMcpTool, create_sdk_mcp_server

from sessions.errors import RunnerError
from sessions.mcp_servers import missing_variables
from sessions.runners.base import AgentTask
from sessions.runners.file_tools import ToolError
from sessions.runners.mcp_rules import McpRules
from sessions.runners.session_tools import SessionTool

#: How long a server may take to be ready, before the agent begins.
START_SECONDS = 30.0
_LOOK_SECONDS = 0.1


class ServerOptions:
    """The servers of one run and the rules about them, as the CLI takes them.

    Raises:
        RunnerError: a rule cannot be used, or a variable that a definition names is not in the agent's environment.
    """

    def __init__(self, task: AgentTask) -> None:
        rules = McpRules(task.allowed_tools, task.disallowed_tools, task.tools_of_servers)
        if missing := missing_variables(task.mcp_servers, task.environment):
            raise RunnerError(
                f"mcp_servers: not in the agent's environment: {', '.join(missing)}; set it for the worker and name it "
                "in SESSIONS_AGENT_ENV"
            )
        offered = [tool for tool in task.session_tools if rules.offers(tool.server, tool.tool)]
        self.allowed = [tool.name for tool in offered]
        self.disallowed: list[str] = []
        self.configs: dict[str, McpServerConfig] = {
            server: create_sdk_mcp_server(server, tools=[_sdk_tool(tool) for tool in offered if tool.server == server])
            for server in dict.fromkeys(tool.server for tool in offered)
        }
        for name, definition in task.mcp_servers.items():
            # As it is written: the CLI reads the variables from its own environment, so that no secret stands in an
            # argument, where everybody on the machine could read it.
            self.configs[name] = cast("McpServerConfig", definition.model_dump())
            self.allowed += rules.allowed_of(name)
            self.disallowed += rules.disallowed_of(name)


def _sdk_tool(tool: SessionTool) -> SdkMcpTool[Any]:
    return SdkMcpTool(
        name=tool.tool, description=tool.description, input_schema=tool.input_schema, handler=_handler(tool)
    )


def _handler(tool: SessionTool) -> Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]:
    async def handle(arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"content": [{"type": "text", "text": await tool.use(arguments)}]}
        except ToolError as error:
            return {"content": [{"type": "text", "text": str(error)}], "is_error": True}

    return handle


async def why_servers_fail(client: ClaudeSDKClient, task: AgentTask) -> str:
    """Which servers of the definition are not there, as a sentence; empty if all are. Nothing was asked of a model yet.

    An agent without its tools would do something else than it was asked to.
    """
    if not task.mcp_servers:
        return ""
    clock = asyncio.get_running_loop().time
    give_up = clock() + START_SECONDS
    while waiting := {name: why for name, why in (await _states(client)).items() if name in task.mcp_servers and why}:
        if all(why != "pending" for why in waiting.values()) or clock() > give_up:
            faults = ", ".join(f"{name} ({why})" for name, why in sorted(waiting.items()))
            return f"MCP servers that did not start: {faults}; try the definition with `claude mcp`, or take it out"
        await asyncio.sleep(_LOOK_SECONDS)
    return ""


async def _states(client: ClaudeSDKClient) -> dict[str, str]:
    """What keeps each server from being used; empty for one that is ready."""
    status = await client.get_mcp_status()
    return {
        server["name"]: "" if server["status"] == "connected" else server.get("error") or server["status"]
        for server in status["mcpServers"]
    }
