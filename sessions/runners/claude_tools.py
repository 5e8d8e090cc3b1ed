"""What a Claude Code agent may use: which tools are there at all, and which calls of them are made."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from claude_agent_sdk import HookContext, HookInput, HookJSONOutput

from sessions.errors import RunnerError
from sessions.runners.mcp_rules import without_mcp
from sessions.runners.permissions import Permissions
from sessions.runners.questions import without_questions

SAFE_TOOLS = ("Read", "Grep", "Glob", "Bash", "Write", "Edit")
#: Tools that only a definition can allow. Not among them: what starts agents of the agent, whose turns and cost nobody
#: would see.
MORE_TOOLS = ("NotebookEdit", "WebFetch", "WebSearch")
_FORM = re.compile(r"([A-Za-z_]+)(?:\(.*\))?", re.DOTALL)


class ToolRules:
    """The rules of one run, split between the CLI and us.

    The CLI decides which tools there are. It also judges patterns, but leniently: it ignores those of Write, and lets
    commands pass that it takes for harmless. So patterns of the file and shell tools are held here as well, by the same
    code as in the `anthropic` runner, and a call needs both. Rules about MCP servers and questions are not of these.

    Raises:
        RunnerError: a rule cannot be used; nothing is silently left out.
    """

    def __init__(self, allowed: Sequence[str], disallowed: Sequence[str], workspace: Path) -> None:
        allowed, disallowed = (without_questions(without_mcp(rules)) for rules in (allowed or SAFE_TOOLS, disallowed))
        for rule in (*allowed, *disallowed):
            _tool_of(rule)
        self._ours = Permissions(
            _of(SAFE_TOOLS, allowed), _of(SAFE_TOOLS, disallowed), tools=SAFE_TOOLS, workspace=workspace
        )
        removed = [rule for rule in disallowed if _tool_of(rule) == rule]
        asked = dict.fromkeys(_tool_of(rule) for rule in allowed)
        #: The tools that the model is told of.
        self.available = [
            tool for tool in asked if tool not in removed and (tool in MORE_TOOLS or self._ours.offers(tool))
        ]
        #: What the CLI lets pass. It would not know a pattern of Write, which is ours to judge.
        self.allowed = [rule if _tool_of(rule) in ("Bash", *MORE_TOOLS) else _tool_of(rule) for rule in allowed]
        self.disallowed = _of(MORE_TOOLS, disallowed)
        #: Whether a call has to be asked about at all: each question takes a millisecond or two.
        self.need_asking = any("(" in rule for rule in _of(SAFE_TOOLS, (*allowed, *disallowed)))

    async def before_call(self, event: HookInput, _id: str | None, _context: HookContext) -> HookJSONOutput:
        """The agent's PreToolUse hook: deny a call that no rule allows."""
        call: dict[str, Any] = dict(event)
        tool = str(call.get("tool_name"))
        reason = self._ours.why_denied(tool, call.get("tool_input") or {}) if tool in SAFE_TOOLS else ""
        if not reason:
            return {}
        return {
            "hookSpecificOutput": {
                "hookEventName": "PreToolUse",
                "permissionDecision": "deny",
                "permissionDecisionReason": reason,
            }
        }


def _of(tools: Sequence[str], rules: Sequence[str]) -> list[str]:
    return [rule for rule in rules if _tool_of(rule) in tools]


def _tool_of(rule: str) -> str:
    match = _FORM.fullmatch(rule.strip())
    if not match:
        raise RunnerError(f"the tool rule {rule!r} is malformed; write `Read` or `Bash(git log:*)`")
    if match.group(1) not in (*SAFE_TOOLS, *MORE_TOOLS):
        names = ", ".join((*SAFE_TOOLS, *MORE_TOOLS))
        raise RunnerError(f"the tool rule {rule!r} names a tool that this runner lacks; it has {names}")
    return match.group(1)
