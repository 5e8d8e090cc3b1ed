"""Our hooks in Claude Code's settings: put in, and taken out again to the letter."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli.main import app
from hooks.installation import HOOKS, install, read_installed, uninstall
from hooks.settings_file import ClaudeSettingsError

EVENTS = {hook.event for hook in HOOKS}
HANDMADE = """\
{
    "model": "claude-opus-4-5",   \t
    "hooks": {
        "Stop": [
            {"matcher": "", "hooks": [{"type": "command", "command": "echo \\"é\\\\n\\""}]}
        ],
        "Notification": [{"hooks": [
            {"type": "command", "command": "say hi"}]}]
    },
    "permissions": {"allow": ["Bash(git:*)"], "deny": []}, "env": {}
}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".claude" / "settings.json"


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def put_in(path: Path, agent: str = "main", python: str = sys.executable) -> bool:
    return install("project", path, agent=agent, python=python).changed


@pytest.mark.parametrize(
    "text",
    [
        HANDMADE,
        HANDMADE.replace("\n", "\r\n"),
        HANDMADE.replace("    ", "\t"),
        '{"a":1}',
        '{ "a": {"b": []} }\n\n',
        '{\n  "hooks": {"Stop": [{"hooks": []}]}\n}',
        '{"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [{"command": "x"}]}]}, "z": "\\u00e9"}',
    ],
)
def test_what_was_put_in_is_taken_out_to_the_letter(path: Path, text: str) -> None:
    written(path, text)
    assert put_in(path)
    assert set(read_installed("project", path).events) == EVENTS
    assert uninstall("project", path).changed
    assert path.read_bytes().decode() == text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
groups = st.lists(
    st.fixed_dictionaries({"matcher": st.text(), "hooks": st.lists(json_values, min_size=1, max_size=2)}), min_size=1
)
documents = st.fixed_dictionaries(
    {"a": json_values},
    optional={
        "z": json_values,
        "hooks": st.dictionaries(st.sampled_from([*sorted(EVENTS), "Notification"]), groups, min_size=1),
    },
)


@examples(max_examples=150, deadline=None)
@given(document=documents, indent=st.sampled_from([None, 2, 4, "\t"]), ascii_only=st.booleans())
def test_any_settings_come_back_to_the_letter(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, object], indent: int | str | None, ascii_only: bool
) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    path = written(tmp_path_factory.mktemp("settings") / "settings.json", text)
    put_in(path)
    changed = json.loads(path.read_bytes())
    assert {name: changed[name] for name in document if name != "hooks"} == {
        name: value for name, value in document.items() if name != "hooks"
    }
    assert set(read_installed("project", path).events) == EVENTS
    uninstall("project", path)
    assert path.read_bytes().decode() == text


def test_settings_that_were_made_for_us_are_removed_with_us(path: Path) -> None:
    put_in(path)
    assert json.loads(path.read_text())["hooks"].keys() == EVENTS
    uninstall("project", path)
    assert not path.exists()
    assert not uninstall("project", path).changed


def test_twice_is_once_and_another_agent_takes_the_place_of_the_first(path: Path) -> None:
    written(path, HANDMADE)
    put_in(path)
    first = path.read_bytes()
    assert not put_in(path)
    assert path.read_bytes() == first
    assert put_in(path, agent="docs")
    assert read_installed("project", path).agents == ["docs"]
    assert path.read_text().count("hooks.stop --agent docs") == 2
    uninstall("project", path)
    assert path.read_text() == HANDMADE


def test_a_command_of_somebody_else_in_the_same_group_stays(path: Path) -> None:
    mixed = {"matcher": "Bash", "hooks": [{"command": "lint"}, {"command": "python -m hooks.pre_tool_use"}]}
    written(path, json.dumps({"hooks": {"PreToolUse": [mixed]}}, indent=2))
    uninstall("project", path)
    left = json.loads(path.read_text())
    assert left == {"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [{"command": "lint"}]}]}}


def test_a_loop_guard_that_was_registered_by_hand_is_not_called_twice(path: Path) -> None:
    by_hand = {"hooks": [{"type": "command", "command": "python -m hooks.pre_tool_use"}]}
    written(path, json.dumps({"hooks": {"PreToolUse": [by_hand]}}))
    put_in(path)
    assert path.read_text().count("hooks.pre_tool_use") == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": 1,}', "is not JSON: line 1, column"),
        ("// a comment\n{}", "is not JSON: line 1, column 1"),
        ("[]", "should be a JSON object"),
        ('{"hooks": []}', "hooks should be an object with a list for each event"),
        ('{"hooks": {"Stop": {}}}', "hooks should be an object with a list for each event"),
    ],
)
def test_settings_that_cannot_be_read_are_left_alone(path: Path, text: str, sentence: str) -> None:
    written(path, text)
    for change in (put_in, lambda path: uninstall("project", path)):
        with pytest.raises(ClaudeSettingsError, match=sentence):
            change(path)
    assert path.read_text() == text


def test_settings_that_are_no_text_are_a_sentence(path: Path) -> None:
    written(path, "").write_bytes(b"\xff\xfe")
    with pytest.raises(ClaudeSettingsError, match="cannot be read"):
        put_in(path)


def test_a_link_stays_a_link_and_a_private_file_private(path: Path, tmp_path: Path) -> None:
    target = written(tmp_path / "dotfiles" / "claude.json", HANDMADE)
    target.chmod(0o600)
    path.parent.mkdir()
    path.symlink_to(target)
    put_in(path)
    assert path.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o600
    assert "hooks.stop" in target.read_text()
    assert sorted(each.name for each in target.parent.iterdir()) == ["claude.json"]


def test_the_hooks_do_not_look_for_code_where_the_person_works(path: Path) -> None:
    put_in(path, python="/opt/my python/bin/python")
    commands = read_installed("project", path).commands
    assert all(command.startswith("'/opt/my python/bin/python' -E -P -m hooks.") for command in commands)


def test_the_memory_of_the_environment_goes_into_the_commands(path: Path) -> None:
    places = {"SESSIONS_HOME": "/srv/our sessions", "SESSIONS_MEMORY_URL": "sqlite:////m", "ANTHROPIC_API_KEY": "sk-x"}
    places["SESSIONS_EXTRACTION_MODEL"] = "gemini-2.5-flash"
    install("project", path, agent="main", python=sys.executable, environment=places)
    found = read_installed("project", path)
    assert found.commands[0].startswith("SESSIONS_HOME='/srv/our sessions' SESSIONS_MEMORY_URL=sqlite:////m ")
    assert " SESSIONS_EXTRACTION_MODEL=gemini-2.5-flash " in found.commands[0]
    assert (found.missing, found.broken, "sk-x" in path.read_text()) == ([], [], False)


def command(*words: str) -> Result:
    return CliRunner().invoke(app, ["hooks", *words])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, and a home beside it."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return folder


def test_the_command_installs_for_the_project_the_person_or_both(project: Path, tmp_path: Path) -> None:
    assert command("install").exit_code == 0
    assert command("install", "--user", "--agent", "home").exit_code == 0
    assert "agent main" in command("status").stdout
    found = {each["scope"]: each["agents"] for each in json.loads(command("status", "--json").stdout)}
    assert found == {"user": ["home"], "project": ["main"], "local": []}
    assert "in a project with hooks of its own, those are used" in command("install", "--agent", "docs").stderr
    assert command("uninstall").exit_code == 0
    assert not (project / ".claude" / "settings.json").exists()
    assert (tmp_path / "home" / ".claude" / "settings.json").exists()


def test_two_of_the_same_project_are_said_to_be_both_called(project: Path) -> None:
    command("install")
    assert "both are called; take one out" in command("install", "--local", "--agent", "docs").stderr
    assert (project / ".claude" / "settings.local.json").exists()
    assert command("install", "--local").stderr == ""


def test_claude_codes_own_folder_is_where_it_says(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "config"))
    assert json.loads(command("install", "--user", "--json").stdout)["installed"]["path"] == str(
        tmp_path / "config" / "settings.json"
    )
    assert project.exists()


def test_the_status_tells_of_hooks_that_cannot_work(project: Path) -> None:
    path = project / ".claude" / "settings.json"
    put_in(path, python="/gone/python")
    gone = command("status")
    assert (gone.exit_code, "not there any more: /gone/python; install them again" in gone.stdout) == (1, True)
    put_in(path)
    path.write_text(path.read_text().replace("SessionEnd", "Notification"))
    assert "missing: SessionEnd; install them again" in command("status").stdout


@pytest.mark.parametrize("words", [("install", "--agent", "No Slug"), ("install", "--user", "--project")])
def test_wrong_usage_changes_nothing(project: Path, words: tuple[str, ...]) -> None:
    assert command(*words).exit_code == 2
    assert list(project.iterdir()) == []
