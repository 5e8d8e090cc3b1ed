"""Which tools of MCP servers an agent may call: rules in Claude Code's form, `mcp__memory` or `mcp__memory__recall`."""

import re
from collections.abc import Collection, Mapping, Sequence

from pydantic import BaseModel

from sessions.errors import RunnerError

PREFIX = "mcp__"
_FORM = re.compile(r"mcp__([a-z0-9-]+)(?:__([A-Za-z0-9_.-]+|\*))?")
#: The tools of each server by its name; None where only the server knows them.
Servers = Mapping[str, Collection[str] | None]


class McpRule(BaseModel, frozen=True):
    """All tools of one server, or one of them."""

    server: str
    tool: str = ""

    def covers(self, server: str, tool: str) -> bool:
        """Whether the rule is about that tool."""
        return self.server == server and self.tool in ("", tool)


def is_mcp_rule(text: str) -> bool:
    """Whether a rule is about the tools of an MCP server."""
    return text.strip().startswith(PREFIX)


def without_mcp(rules: Sequence[str]) -> list[str]:
    """The rules about the runner's own tools."""
    return [rule for rule in rules if not is_mcp_rule(rule)]


def parse_mcp_rule(text: str, servers: Servers) -> McpRule:
    """The rule that `text` spells.

    Raises:
        RunnerError: not the form of a rule, or no such server or tool in this session.
    """
    match = _FORM.fullmatch(text.strip())
    if not match:
        raise RunnerError(f"the tool rule {text!r} is malformed; write `mcp__memory` or `mcp__memory__recall`")
    server, tool = match[1], (match[2] or "").replace("*", "")
    if server not in servers:
        known = ", ".join(servers) or "none"
        raise RunnerError(f"the tool rule {text!r} names an MCP server that this session lacks; it has {known}")
    tools = servers[server]
    if tool and tools is not None and tool not in tools:
        raise RunnerError(f"the tool rule {text!r} names no tool of {server}; it has {', '.join(tools)}")
    return McpRule(server=server, tool=tool)


class McpRules:
    """The rules of one run.

    A server that a session has may be used whole, whatever else the session allows. Where allowed rules name tools of
    it, it is those alone; disallowed rules take away from either.

    Raises:
        RunnerError: a rule cannot be used; nothing is silently left out.
    """

    def __init__(self, allowed: Sequence[str], disallowed: Sequence[str], servers: Servers) -> None:
        self._servers = servers
        self._allowed = [parse_mcp_rule(text, servers) for text in allowed if is_mcp_rule(text)]
        self._disallowed = [parse_mcp_rule(text, servers) for text in disallowed if is_mcp_rule(text)]

    def offers(self, server: str, tool: str) -> bool:
        """Whether a tool may be called."""
        named = [rule for rule in self._allowed if rule.server == server]
        allowed = not named or any(rule.covers(server, tool) for rule in named)
        return allowed and not any(rule.covers(server, tool) for rule in self._disallowed)

    def allowed_of(self, server: str) -> list[str]:
        """The rules that let pass what may be called of a server, for a program that judges by rules itself."""
        named = [rule for rule in self._allowed if rule.server == server]
        return [_spelled(rule) for rule in named or [McpRule(server=server)]]

    def disallowed_of(self, server: str) -> list[str]:
        """The rules that take away from that."""
        return [_spelled(rule) for rule in self._disallowed if rule.server == server]


def _spelled(rule: McpRule) -> str:
    return f"{PREFIX}{rule.server}" + (f"__{rule.tool}" if rule.tool else "")
