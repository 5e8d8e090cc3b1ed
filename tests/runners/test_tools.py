import asyncio
import os
import time
from pathlib import Path

import pytest
from pydantic import JsonValue

from sessions.runners.commands import Command, run_command
from sessions.runners.permissions import Permissions
from sessions.runners.tools import TOOL_NAMES, Toolbox, ToolResult
from tests.fakes.driving import is_running, until

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (tmp_path / "outside.txt").write_text("secret\n")
    return folder


@pytest.fixture
def toolbox(workspace: Path) -> Toolbox:
    return Toolbox(workspace, ENVIRONMENT, Permissions(TOOL_NAMES, (), tools=TOOL_NAMES, workspace=workspace))


async def refusal(toolbox: Toolbox, tool: str, **arguments: JsonValue) -> str:
    result = await toolbox.call(tool, arguments)
    assert result.is_error, result.text
    return result.text


async def text(toolbox: Toolbox, tool: str, **arguments: JsonValue) -> str:
    result = await toolbox.call(tool, arguments)
    assert not result.is_error, result.text
    return result.text


@pytest.mark.parametrize("path", ["../outside.txt", "/etc/passwd", "link.txt", "folder/outside.txt", "../workspace2/x"])
@pytest.mark.parametrize(
    ("tool", "more"),
    [
        ("Read", {}),
        ("Write", {"content": "x"}),
        ("Edit", {"old_string": "secret", "new_string": "x"}),
    ],
)
async def test_no_file_tool_leaves_the_workspace(
    toolbox: Toolbox, workspace: Path, path: str, tool: str, more: dict[str, str]
) -> None:
    (workspace / "link.txt").symlink_to(workspace.parent / "outside.txt")
    (workspace / "folder").symlink_to(workspace.parent)
    assert "outside the workspace" in await refusal(toolbox, tool, file_path=path, **more)
    assert (workspace.parent / "outside.txt").read_text() == "secret\n"


async def test_no_search_leaves_the_workspace(toolbox: Toolbox, workspace: Path) -> None:
    (workspace / "link.txt").symlink_to(workspace.parent / "outside.txt")
    (workspace / "folder").symlink_to(workspace.parent)
    assert "outside the workspace" in await refusal(toolbox, "Grep", pattern="secret", path="..")
    assert "outside the workspace" in await refusal(toolbox, "Glob", pattern="*", path="folder")
    assert "leaves its folder" in await refusal(toolbox, "Glob", pattern="../*")
    assert await text(toolbox, "Grep", pattern="secret") == "(nothing found)"
    assert await text(toolbox, "Glob", pattern="**/*") == "(no files match)"


async def test_read_numbers_the_lines_and_says_what_is_left(toolbox: Toolbox, workspace: Path) -> None:
    (workspace / "a.txt").write_text("one\ntwo\nthree\nfour\n")
    read = await text(toolbox, "Read", file_path="a.txt", offset=2, limit=2)
    assert read == "     2\ttwo\n     3\tthree\n[1 more lines; go on with offset 4]"


async def test_read_refuses_what_is_not_a_text_file(toolbox: Toolbox, workspace: Path) -> None:
    (workspace / "binary").write_bytes(b"\xff\xfe\x00")
    os.mkfifo(workspace / "pipe")
    assert "not a text file" in await refusal(toolbox, "Read", file_path="binary")
    assert "not a file" in await refusal(toolbox, "Read", file_path=".")
    assert "not a file" in await refusal(toolbox, "Read", file_path="pipe")
    assert "does not exist" in await refusal(toolbox, "Read", file_path="nowhere")


async def test_edit_changes_one_exact_place_and_keeps_line_ends(toolbox: Toolbox, workspace: Path) -> None:
    file = workspace / "a.txt"
    file.write_bytes(b"red\r\nred\r\nblue\r\n")
    edit = {"file_path": "a.txt", "old_string": "red", "new_string": "green"}
    assert "stands 2 times" in await refusal(toolbox, "Edit", **edit)
    assert "does not stand" in await refusal(toolbox, "Edit", **{**edit, "old_string": "black"})
    assert "the same" in await refusal(toolbox, "Edit", **{**edit, "new_string": "red"})
    assert await text(toolbox, "Edit", **edit, replace_all=True) == "Replaced 2 places in a.txt."
    assert file.read_bytes() == b"green\r\ngreen\r\nblue\r\n"


async def test_nothing_is_written_into_git_itself(toolbox: Toolbox, workspace: Path) -> None:
    assert "git itself" in await refusal(toolbox, "Write", file_path=".git/hooks/pre-commit", content="x")
    assert not (workspace / ".git").exists()


async def test_glob_lists_files_sorted_and_without_git(toolbox: Toolbox, workspace: Path) -> None:
    for name in ("b.py", "a.py", ".git/c.py", "deep/d.py", "e.txt"):
        (workspace / name).parent.mkdir(exist_ok=True)
        (workspace / name).touch()
    assert await text(toolbox, "Glob", pattern="**/*.py") == "a.py\nb.py\ndeep/d.py"


async def test_grep_finds_files_lines_and_counts(toolbox: Toolbox, workspace: Path) -> None:
    (workspace / "a.py").write_text("one\nTwo\ntwo\n")
    (workspace / "b.txt").write_text("two\n")
    (workspace / "binary.py").write_bytes(b"two\0")
    assert await text(toolbox, "Grep", pattern="two") == "a.py\nb.txt"
    found = await text(toolbox, "Grep", pattern="two", output_mode="content", glob="*.py", **{"-i": True})
    assert found == "a.py:2:Two\na.py:3:two"
    bare = await text(toolbox, "Grep", pattern="two", output_mode="content", path="b.txt", **{"-n": False})
    assert bare == "b.txt:two"
    assert await text(toolbox, "Grep", pattern="^t", output_mode="count") == "a.py:1\nb.txt:1"
    assert "not a regular expression" in await refusal(toolbox, "Grep", pattern="(")
    assert "does not exist" in await refusal(toolbox, "Grep", pattern="x", path="nowhere")


async def test_a_search_pattern_that_never_ends_is_ended(
    toolbox: Toolbox, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessions.runners.tools.GREP_SECONDS", 0.3)
    (workspace / "a.txt").write_text("a" * 60 + "b\n")
    assert "took longer" in await refusal(toolbox, "Grep", pattern="(a+)+$")


async def test_a_command_is_ended_after_its_time_with_all_it_started(toolbox: Toolbox, workspace: Path) -> None:
    started = time.monotonic()
    said = await refusal(toolbox, "Bash", command="trap '' TERM; sleep 60 & echo $! > pid; echo hi; wait", timeout=300)
    assert said == "Ended after 0.3 s.\nhi"
    assert time.monotonic() - started < 5
    await until(lambda: not is_running(int((workspace / "pid").read_text())), 2.0)


async def test_what_a_command_leaves_in_the_background_ends_with_it(toolbox: Toolbox, workspace: Path) -> None:
    assert await text(toolbox, "Bash", command="sleep 60 & echo $! > pid; echo done") == "done"
    await until(lambda: not is_running(int((workspace / "pid").read_text())), 2.0)


async def test_long_output_keeps_its_head_and_its_tail(workspace: Path) -> None:
    argv = ["bash", "-c", "echo first; seq 100000; echo last"]
    command = Command(argv=argv, cwd=workspace, environment=ENVIRONMENT, timeout_seconds=20, output_bytes=200)
    end = await run_command(command)
    assert end.output.startswith("first\n1\n2\n")
    assert end.output.endswith("100000\nlast\n")
    assert "bytes left out" in end.output
    assert len(end.output) < 300


async def test_a_command_cannot_wait_for_input(toolbox: Toolbox) -> None:
    assert await text(toolbox, "Bash", command="read -r line || echo nobody") == "nobody"


async def test_a_workspace_that_is_gone_is_told_to_the_model(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    toolbox = Toolbox(gone, ENVIRONMENT, Permissions(TOOL_NAMES, (), tools=TOOL_NAMES, workspace=gone))
    assert "cannot be started" in await refusal(toolbox, "Bash", command="true")


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("Bash", {}, "command: Field required"),
        ("Bash", {"command": "true", "timeout": 600_001}, "timeout: Input should be less than or equal to 600000"),
        ("Read", {"file_path": "a", "pages": "1"}, "pages: Extra inputs are not permitted"),
        ("WebFetch", {"url": "x"}, "WebFetch is not allowed in this session"),
    ],
)
async def test_a_malformed_call_is_told_to_the_model(
    toolbox: Toolbox, tool: str, arguments: dict[str, JsonValue], words: str
) -> None:
    assert words in await refusal(toolbox, tool, **arguments)


async def test_calls_in_parallel_do_not_mix_their_output(toolbox: Toolbox) -> None:
    commands = [f"for i in 1 2 3; do echo {name}; sleep 0.02; done" for name in "abc"]
    results = await asyncio.gather(*(toolbox.call("Bash", {"command": command}) for command in commands))
    assert results == [ToolResult(text="\n".join([name] * 3)) for name in "abc"]
