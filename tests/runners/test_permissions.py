from pathlib import Path

import pytest

from sessions.runners.permissions import Permissions
from sessions.runners.shell import split_command
from sessions.runners.tools import SAFE_TOOLS, TOOL_NAMES


def rules(tmp_path: Path, *allowed: str, disallowed: tuple[str, ...] = ()) -> Permissions:
    return Permissions(allowed, disallowed, tools=TOOL_NAMES, workspace=tmp_path)


@pytest.mark.parametrize(
    ("command", "parts"),
    [
        ("git log -n 3", [["git", "log", "-n", "3"]]),
        ("a 'b; c' && d|e;f &", [["a", "b; c"], ["d"], ["e"], ["f"]]),
        ("a\n\nb", [["a"], ["b"]]),
        ("a &&\nb", [["a"], ["b"]]),
        ("a 2>/dev/null >&2 2>&1 | b", [["a"], ["b"]]),
        ("a # b; c", [["a", "#", "b"], ["c"]]),
        ("a > out", None),
        ("a < /etc/passwd", None),
        ("a <<< b", None),
        ("(a)", None),
        ("a $(b)", None),
        ("a `b`", None),
        ("a <(b)", None),
        ("a $'\\'' ; b ''", None),
        ("a ${b@P}", None),
        ("a 'b", None),
        ("", []),
    ],
)
def test_a_command_is_taken_apart_only_where_that_is_certain(command: str, parts: list[list[str]] | None) -> None:
    assert split_command(command) == parts


@pytest.mark.parametrize(
    "command",
    [
        "git log",
        "git  log --oneline -n 5",
        "git log 2>/dev/null",
        "git show HEAD~1:a.py && git log",
        "git diff --stat; git status",
        "git ls-files -z",
    ],
)
def test_the_safe_set_reads_the_history(tmp_path: Path, command: str) -> None:
    assert rules(tmp_path, *SAFE_TOOLS).why_denied("Bash", {"command": command}) == ""


@pytest.mark.parametrize(
    "command",
    [
        "git logs",
        "git push",
        "'git log'",
        "git log --output=/tmp/x",
        "git log --outp /tmp/x",
        "git diff --no-index /etc/passwd /dev/null",
        "git diff --ext-diff",
        "git log > x",
        "GIT_PAGER=touch git log",
        "git log & rm x",
        "git log;rm x",
        "{ rm x; }",
        "command git push",
        "",
        " ",
        "git",
    ],
)
def test_the_safe_set_lets_nothing_else_through(tmp_path: Path, command: str) -> None:
    assert rules(tmp_path, *SAFE_TOOLS).why_denied("Bash", {"command": command})


@pytest.mark.parametrize(
    ("rule", "command", "allowed"),
    [
        ("Bash", "anything; at $(all)", True),
        ("Bash(*)", "anything", True),
        ("Bash(make test)", "make test", True),
        ("Bash(make test)", "make test -k", False),
        ("Bash(npm run *)", "npm run lint", True),
        ("Bash(npm run *)", "npm install", False),
        ("Bash(npm run *)", "npm run lint && npm publish", False),
        ("Read", "make", False),
    ],
)
def test_a_rule_for_commands_means_what_it_says(tmp_path: Path, rule: str, command: str, *, allowed: bool) -> None:
    assert (rules(tmp_path, rule).why_denied("Bash", {"command": command}) == "") is allowed


@pytest.mark.parametrize("command", ["git push", "A=1 git push", "git log && git push", "echo $(git push)"])
def test_a_disallowed_command_is_found_in_every_part(tmp_path: Path, command: str) -> None:
    permissions = rules(tmp_path, "Bash", disallowed=("Bash(git push:*)",))
    assert permissions.why_denied("Bash", {"command": command})
    assert permissions.why_denied("Bash", {"command": "git log | head"}) == ""


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("docs/a.md", True),
        ("docs/deep/er/a.md", True),
        ("./docs/a.md", True),
        ("docs/../src/a.md", False),
        ("docs/a.py", False),
        ("a.md", False),
        ("docs/link/a.md", False),
        ("../a.md", False),
        ("a\0b", False),
    ],
)
def test_a_rule_for_paths_follows_links_before_it_matches(tmp_path: Path, path: str, *, allowed: bool) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "link").symlink_to(tmp_path / "src")
    permissions = rules(tmp_path, "Write(docs/**/*.md)")
    assert (permissions.why_denied("Write", {"file_path": path}) == "") is allowed


def test_a_disallowed_path_wins_over_the_whole_tool(tmp_path: Path) -> None:
    permissions = rules(tmp_path, "Edit", disallowed=("Edit(*.lock)",))
    assert permissions.why_denied("Edit", {"file_path": "a.lock"})
    assert permissions.why_denied("Edit", {"file_path": "a.py"}) == ""
