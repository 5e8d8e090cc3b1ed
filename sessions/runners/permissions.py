"""Which tool calls an agent may make: rules in Claude Code's own form, `Read` or `Bash(git log:*)`."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, JsonValue

from sessions.errors import RunnerError
from sessions.runners.file_tools import ToolError, inside
from sessions.runners.shell import split_command, without_assignments

#: Tools that a pattern can narrow, and the argument it is held against.
_NARROWED = {"Bash": "command", "Write": "file_path", "Edit": "file_path"}
_FORM = re.compile(r"([A-Za-z_]+)(?:\((.*)\))?", re.DOTALL)
#: Options by which git's reading commands write, run something else or leave the repository; also abbreviated.
_ESCAPES = re.compile(r"--(?:ou|op|no-i|ext)|-[A-Za-z]*O")


class Rule(BaseModel, frozen=True):
    """One tool, whole or narrowed to what `pattern` matches; an empty pattern or `*` is the whole tool."""

    tool: str
    pattern: str = ""

    @property
    def whole(self) -> bool:
        """Whether the rule is about every call of the tool."""
        return self.pattern in ("", "*", ":*")


def parse_rule(text: str, *, tools: Sequence[str]) -> Rule:
    """The rule that `text` spells.

    Raises:
        RunnerError: not the form of a rule, a tool that is not in `tools`, or a pattern for a tool that takes none.
    """
    match = _FORM.fullmatch(text.strip())
    if not match:
        raise RunnerError(f"the tool rule {text!r} is malformed; write `Read` or `Bash(git log:*)`")
    rule = Rule(tool=match.group(1), pattern=(match.group(2) or "").strip())
    if rule.tool not in tools:
        raise RunnerError(f"the tool rule {text!r} names a tool that this runner lacks; it has {', '.join(tools)}")
    if not rule.whole and rule.tool not in _NARROWED:
        raise RunnerError(f"the tool rule {text!r} narrows {rule.tool}, which this runner allows whole or not at all")
    if rule.tool != "Bash" and rule.pattern.startswith(("/", "~", "..")):
        raise RunnerError(f"the tool rule {text!r} leaves the workspace; give a path from its root")
    return rule


class Permissions:
    """The rules of one run.

    Args:
        allowed: rules of what may be called.
        disallowed: rules of what may not, which win.
        tools: the names of the runner's tools.
        workspace: the folder that path patterns start from.

    Raises:
        RunnerError: a rule cannot be used; nothing is silently left out.
    """

    def __init__(
        self, allowed: Sequence[str], disallowed: Sequence[str], *, tools: Sequence[str], workspace: Path
    ) -> None:
        self._allowed = [parse_rule(text, tools=tools) for text in allowed]
        self._disallowed = [parse_rule(text, tools=tools) for text in disallowed]
        self._workspace = workspace.resolve()

    def offers(self, tool: str) -> bool:
        """Whether any call of `tool` can be allowed, so that the model is told of it."""
        return any(rule.tool == tool for rule in self._allowed) and not _has_whole(self._rules(self._disallowed, tool))

    def why_denied(self, tool: str, arguments: Mapping[str, JsonValue]) -> str:
        """Why this call may not be made, as a sentence for the model; empty if it may."""
        if not self.offers(tool):
            return f"{tool} is not allowed in this session."
        allowed, disallowed = self._rules(self._allowed, tool), self._rules(self._disallowed, tool)
        if _has_whole(allowed) and not disallowed:
            return ""
        value = str(arguments.get(_NARROWED.get(tool, ""), ""))
        if tool == "Bash":
            return _why_command_denied(value, allowed, disallowed)
        return self._why_path_denied(value, allowed, disallowed)

    @staticmethod
    def _rules(rules: Sequence[Rule], tool: str) -> list[Rule]:
        return [rule for rule in rules if rule.tool == tool]

    def _why_path_denied(self, value: str, allowed: Sequence[Rule], disallowed: Sequence[Rule]) -> str:
        try:
            path = inside(self._workspace, value).relative_to(self._workspace).as_posix()
        except ToolError as error:
            return str(error)
        if any(_path_matches(rule, path) for rule in disallowed):
            return f"{value} is not allowed in this session."
        if any(rule.whole or _path_matches(rule, path) for rule in allowed):
            return ""
        return f"{value} is not allowed in this session; allowed are {_patterns(allowed)}."


def _has_whole(rules: Sequence[Rule]) -> bool:
    return any(rule.whole for rule in rules)


def _patterns(rules: Sequence[Rule]) -> str:
    return ", ".join(rule.pattern for rule in rules)


def _path_matches(rule: Rule, path: str) -> bool:
    pattern = re.escape(rule.pattern.removeprefix("./"))
    pattern = pattern.replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.fullmatch(pattern.replace(r"\?", "[^/]"), path) is not None


def _why_command_denied(command: str, allowed: Sequence[Rule], disallowed: Sequence[Rule]) -> str:
    parts = split_command(command)
    if parts is None:
        return "This command hides parts of itself (substitution, subshell or redirection); run each part on its own."
    if any(_command_matches(rule, without_assignments(part)) for part in parts for rule in disallowed):
        return "A part of this command is not allowed in this session."
    if _has_whole(allowed):
        return ""
    refused = next((part for part in parts if not any(_command_allowed(rule, part) for rule in allowed)), None)
    if refused is None and parts:
        return ""
    return f"`{' '.join(refused or [])}` is not allowed in this session; allowed are {_patterns(allowed)}."


def _command_allowed(rule: Rule, part: list[str]) -> bool:
    reads_git = rule.pattern.startswith("git ")
    escapes = reads_git and any(_ESCAPES.match(word) for word in part)
    return not escapes and _command_matches(rule, part)


def _command_matches(rule: Rule, part: list[str]) -> bool:
    """`git log:*` is a prefix of whole words, `git * main` a wildcard, anything else the exact command."""
    if rule.pattern.endswith(":*"):
        prefix = rule.pattern.removesuffix(":*").split()
        return part[: len(prefix)] == prefix
    if "*" in rule.pattern:
        matches: Callable[[str], object] = re.compile(re.escape(rule.pattern).replace(r"\*", ".*"), re.DOTALL).fullmatch
        return matches(" ".join(part)) is not None
    return part == rule.pattern.split()
