"""`sessions check` on what the agent may call, whether it thinks, and what becomes of its questions."""

from pathlib import Path

import pytest

from deployments.check import check_files
from deployments.problems import Problem
from sessions.settings import Settings
from tests.deployments.definition_files import changed, write_definition_file, write_repository

GITHUB = "ghp_" + "a1" * 15
TEMPERATURE = "temperature: 0.7"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_repository(tmp_path)


def check(root: Path, more: str, temperature: str = TEMPERATURE) -> list[Problem]:
    """What is wrong with a good definition that has another line, of the parameters."""
    text = changed(TEMPERATURE, f"{temperature}\n      {more}")
    return check_files([write_definition_file(root, text)], Settings(), root=root)


@pytest.mark.parametrize(
    "line",
    [
        "disallowed_tools: [mcp__memory__recall, AskUserQuestion]",
        "allowed_tools: [Read, mcp__memory]",
        "unattended: pause",
        "mcp_servers: {door: {command: npx, args: [-y, door], env: {DOOR_TOKEN: '${DOOR_TOKEN}'}}}",
        "mcp_servers: {door: {command: x}}\n      allowed_tools: [Read, mcp__door__open]",
    ],
)
def test_what_is_right_passes(root: Path, line: str) -> None:
    assert check(root, line) == []


def test_thinking_passes_at_temperature_1(root: Path) -> None:
    assert check(root, "thinking: true", "temperature: 1") == []


@pytest.mark.parametrize(
    ("line", "field", "said"),
    [
        ("disallowed_tools: [mcp__memory__recal]", "disallowed_tools[0]", "names no tool of memory; it has recall,"),
        ("allowed_tools: [mcp__door__open]", "allowed_tools[0]", "names an MCP server that this session lacks"),
        ("unattended: wait", "unattended", "assume"),
        ("thinking: true", "thinking", "Claude models think at temperature 1 only, not at 0.7; write `temperature: 1`"),
        ("thinking: maybe", "thinking", ""),
        ("mcp_servers: {door: {command: x, args: [" + GITHUB + "]}}", "mcp_servers", "looks like a secret; write"),
        ("mcp_servers: {door: {url: 'https://doors.example'}}", "mcp_servers", "a server needs a command"),
        ("mcp_servers: {door: {command: x, arg: y}}", "mcp_servers", "is not known"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(root: Path, line: str, field: str, said: str) -> None:
    (problem,) = check(root, line)
    assert problem.field.startswith(f"parameters.{field}")
    assert said in problem.message
    assert GITHUB not in problem.message


def test_servers_are_refused_for_a_runner_that_has_none(root: Path) -> None:
    (problem,) = check(root, "runner: anthropic\n      mcp_servers: {door: {command: x}}")
    assert problem.field == "parameters.mcp_servers"
    assert "runner anthropic has none; use runner claude-agent-sdk" in problem.message
