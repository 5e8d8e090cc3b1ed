"""MCP servers that a session names, in the real CLI."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from sessions.errors import RunnerError
from sessions.runners import open_runner
from sessions.runners.base import Stop
from sessions.spec import SessionSpec
from tests.fakes import mcp_doors
from tests.fakes.driving import Driven, Place, is_running, until
from tests.fakes.mcp_doors import open_http_doors
from tests.fakes.scripts import calls, says, script

TOKEN = "a-token-that-nobody-else-may-see"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "home").mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "DOOR_TOKEN": TOKEN}
    return Place(open_runner("claude-agent-sdk"), tmp_path, environment)


async def drive(place: Place, *answers: dict[str, Any], servers: dict[str, Any], **fields: object) -> Driven:
    spec = SessionSpec.model_validate({"prompt": "x", "mcp_servers": servers})
    return await place.drive(script(*answers, says("done")), mcp_servers=spec.mcp_servers, **fields)


def stdio(place: Place, **env: str) -> dict[str, Any]:
    started = place.workspace.parent / "started.json"
    return {"command": sys.executable, "args": [mcp_doors.__file__, str(started)], "env": env}


def started(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place.workspace.parent / "started.json").read_text())
    return found


async def test_a_program_is_started_for_the_run_with_what_its_definition_says_and_ends_with_it(place: Place) -> None:
    servers = {"door": stdio(place, DOOR_NAME="cellar door", KEY="${DOOR_TOKEN}", COLOUR="${DOOR_COLOUR:-green}")}
    driven = await drive(place, calls("mcp__door__open"), servers=servers)
    assert driven.results == ["The cellar door is open."]
    assert {"mcp__door__open", "mcp__door__shut"} <= set(driven.asked[0].tool_names)
    assert (driven.end.stop, driven.end.denials) == (Stop.FINISHED, ())
    seen = started(place)["environment"]
    assert (seen["KEY"], seen["COLOUR"]) == (TOKEN, "green")
    await until(lambda: not is_running(started(place)["pid"]))


async def test_a_server_elsewhere_gets_its_credentials_from_the_environment(place: Place) -> None:
    with open_http_doors() as (url, seen):
        server = {"type": "http", "url": url, "headers": {"Authorization": "Bearer ${DOOR_TOKEN}"}}
        driven = await drive(place, calls("mcp__door__open"), servers={"door": server})
    assert driven.results == ["The nameless is open."]
    assert set(seen) == {f"Bearer {TOKEN}"}


#: Says of all processes how the servers among them were started, and how many bear the token, which it does not itself.
LOOK = f"""
import psutil
lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
print([line for line in lines if "mcp_doors.py" in line], sum("{TOKEN[::-1]}"[::-1] in line for line in lines))
"""


async def test_what_comes_from_the_environment_stands_in_no_list_of_processes(place: Place) -> None:
    (place.workspace / "look.py").write_text(LOOK)
    servers = {"door": stdio(place, KEY="${DOOR_TOKEN}")}
    look = calls("Bash", command=f"{sys.executable} look.py")
    driven = await drive(place, look, servers=servers, allowed_tools=("Bash",))
    assert "mcp_doors.py" in driven.results[0]
    assert "${DOOR_TOKEN}" in driven.results[0]
    assert driven.results[0].endswith("] 0")


@pytest.mark.parametrize(
    ("allowed", "disallowed", "refused"),
    [
        (("Read", "mcp__door__open"), (), ["mcp__door__shut"]),
        ((), ("mcp__door__open",), ["mcp__door__open"]),
        ((), ("mcp__door",), ["mcp__door__open", "mcp__door__shut"]),
    ],
    ids=["one alone allowed", "one taken away", "all taken away"],
)
async def test_rules_narrow_the_tools_of_a_server(
    place: Place, allowed: tuple[str, ...], disallowed: tuple[str, ...], refused: list[str]
) -> None:
    both = [calls("mcp__door__open"), calls("mcp__door__shut")]
    driven = await drive(
        place, *both, servers={"door": stdio(place)}, allowed_tools=allowed, disallowed_tools=disallowed
    )
    assert [denial.tool for denial in driven.end.denials] == refused
    # What is taken away the model is not told of either.
    assert not set(disallowed) & set(driven.asked[0].tool_names)


@pytest.mark.parametrize(
    "server",
    [{"command": "there-is-no-such-program"}, {"type": "http", "url": "http://127.0.0.1:1/mcp"}],
    ids=["program", "address"],
)
async def test_a_server_that_does_not_start_ends_the_run_before_a_model_is_asked(
    place: Place, server: dict[str, Any]
) -> None:
    driven = await drive(place, servers={"door": server})
    assert (driven.end.stop, driven.bodies) == (Stop.FAILED, [])
    assert driven.end.error.startswith("MCP servers that did not start: door (")


async def test_a_variable_that_the_agent_may_not_see_is_refused_by_its_name(place: Place) -> None:
    with pytest.raises(RunnerError, match=r"HIDDEN \(door\); .* SESSIONS_AGENT_ENV"):
        await drive(place, servers={"door": stdio(place, KEY="${HIDDEN}")})


async def test_servers_that_lie_in_the_workspace_are_not_started(place: Place) -> None:
    (place.workspace / ".mcp.json").write_text(json.dumps({"mcpServers": {"door": stdio(place)}}))
    driven = await place.drive(script(says("done")))
    assert not [name for name in driven.asked[0].tool_names if name.startswith("mcp__")]
    assert not (place.workspace.parent / "started.json").exists()
