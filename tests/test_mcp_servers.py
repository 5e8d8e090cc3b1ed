from typing import Any

import pytest

from sessions.errors import SpecError
from sessions.mcp_servers import missing_variables
from sessions.spec import SessionSpec, parse_spec

GITHUB = "ghp_" + "a1" * 15


def spec_of(servers: dict[str, Any], **more: object) -> SessionSpec:
    return parse_spec({"prompt": "x", "mcp_servers": servers, **more})


@pytest.mark.parametrize(
    "server",
    [
        {"command": "door"},
        {"type": "stdio", "command": "npx", "args": ["-y", "door@1"], "env": {"COLOUR": "green", "TOKEN": "${TOKEN}"}},
        {"type": "http", "url": "https://doors.example/mcp", "headers": {"Authorization": "Bearer ${TOKEN}"}},
        {"type": "sse", "url": "http://127.0.0.1:8000/sse"},
        {"type": "http", "url": "${DOORS}/mcp"},
        {"command": "door", "args": ["--token", "${TOKEN}", "--keys", "-v"]},
        {"command": "door", "env": {"TOKEN": "${TOKEN:-none}", "KEYS": "green"}},
    ],
)
def test_a_server_is_written_as_in_claude_codes_own_file(server: dict[str, Any]) -> None:
    assert spec_of({"door": server}).mcp_servers["door"].model_dump(exclude_unset=True) == server


@pytest.mark.parametrize(
    ("servers", "said"),
    [
        ({"door": {}}, "command"),
        ({"door": {"url": "https://doors.example"}}, "a server needs a command, or a type of http or sse and a url"),
        ({"door": {"type": "ws", "url": "wss://doors.example"}}, "a server needs a command"),
        ({"door": {"type": "http", "url": "doors.example"}}, "is no address; write https://HOST/PATH"),
        ({"door": {"command": "x", "arg": ["y"]}}, "arg"),
        ({"Front Door": {"command": "x"}}, "Front Door"),
        ({"memory": {"command": "x"}}, "memory is the agent's own memory"),
        ({"door": {"command": "x", "args": ["${1X}"]}}, "names no variable"),
    ],
)
def test_what_is_no_server_is_refused_with_what_would_be_one(servers: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match="mcp_servers") as caught:
        spec_of(servers)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "server",
    [
        {"command": "x", "args": [GITHUB]},
        {"command": "x", "args": ["--token", "hunter2-hunter2"]},
        {"command": "x", "env": {"DOOR_TOKEN": "hunter2-hunter2"}},
        {"command": "x", "env": {"DOOR_TOKEN": "${DOOR_TOKEN:-hunter2-hunter2}"}},
        {"command": "x", "env": {"COLOUR": GITHUB}},
        {"type": "http", "url": "https://me:hunter2-hunter2@doors.example"},
        {"type": "http", "url": "https://doors.example", "headers": {"Authorization": "Bearer hunter2-hunter2"}},
        {"type": "http", "url": "https://doors.example", "headers": {"X-Api-Key": "hunter2-hunter2"}},
    ],
)
def test_a_secret_is_refused_and_not_repeated(server: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=r"looks like a secret; write .* SESSIONS_AGENT_ENV=NAME") as caught:
        spec_of({"door": server})
    assert "hunter2" not in str(caught.value)
    assert GITHUB not in str(caught.value)


@pytest.mark.parametrize("runner", ["anthropic", "gemini"])
def test_a_runner_without_servers_refuses_them(runner: str) -> None:
    with pytest.raises(SpecError, match=f"mcp_servers: runner {runner} has none; use runner claude-agent-sdk"):
        spec_of({"door": {"command": "x"}}, runner=runner)


def test_the_variables_that_are_missing_are_named_with_their_server() -> None:
    servers = spec_of(
        {
            "door": {"command": "x", "args": ["${COLOUR}", "${SIZE:-big}"], "env": {"KEY": "${DOOR_TOKEN}"}},
            "attic": {"type": "http", "url": "${ATTIC}/mcp"},
        }
    ).mcp_servers
    assert missing_variables(servers, {"COLOUR": "green"}) == ["ATTIC (attic)", "DOOR_TOKEN (door)"]
    assert missing_variables(servers, {"COLOUR": "", "ATTIC": "", "DOOR_TOKEN": ""}) == []
