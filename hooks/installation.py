"""Puts our hooks into Claude Code's settings, and takes exactly them out again."""

import json
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from pydantic import BaseModel, JsonValue, computed_field

from hooks.json_text import append, delete
from hooks.settings_file import parse, read, remove, write

Scope = Literal["user", "project", "local"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
#: Settings that say where memory and runs are, and which models feed it. None of them is a secret.
_PLACES = ("SESSIONS_HOME", "SESSIONS_MEMORY_URL", "SESSIONS_MEMORY_EMBEDDER", "SESSIONS_EXTRACTION_MODEL")
_ASSIGNMENT = re.compile(r"[A-Z_]+=")
#: The loop guard is registered by hand too. The others are ours only as we call them: a project may have a `hooks`.
_OURS = re.compile(r"-m hooks\.pre_tool_use\b|-E -P -m hooks\.(session_start|stop)\b")


class Hook(BaseModel, frozen=True):
    """A command that Claude Code runs at an event, and after how many seconds it goes on without it."""

    event: str
    module: str
    timeout_seconds: int


#: Longer than a store waits that is locked or does not answer, 30 s at most, so that what we say of it is heard.
_READING_SECONDS = 40
#: The loop guard needs the results too: without them it takes the result of a call for the same each time.
HOOKS = (
    Hook(event="SessionStart", module="session_start", timeout_seconds=_READING_SECONDS),
    Hook(event="Stop", module="stop", timeout_seconds=10),
    Hook(event="SessionEnd", module="stop", timeout_seconds=10),
    Hook(event="PreToolUse", module="pre_tool_use", timeout_seconds=10),
    Hook(event="PostToolUse", module="pre_tool_use", timeout_seconds=10),
    Hook(event="PostToolUseFailure", module="pre_tool_use", timeout_seconds=10),
)


class Called(BaseModel, frozen=True):
    """How our hooks are called: for whom, by which program, and with which memory."""

    scope: Scope
    agent: str
    python: str
    places: dict[str, str] = {}

    def command(self, hook: Hook) -> str:
        """The command of `hook`, as a shell reads it."""
        places = "".join(f"{name}={shlex.quote(place)} " for name, place in self.places.items())
        # Without the working directory and PYTHONPATH: a project may have a folder `hooks` of its own.
        program = f"{places}{shlex.quote(self.python)} -E -P -m hooks.{hook.module}"
        if hook.module == "pre_tool_use":
            return program
        return f"{program} --agent {shlex.quote(self.agent)}" + " --user" * (self.scope == "user")


class Installed(BaseModel, frozen=True):
    """What of ours is in one file of settings: the events in their order there, and for which agent."""

    scope: Scope
    path: Path
    events: list[str] = []
    agents: list[str] = []
    commands: list[str] = []

    @computed_field  # type: ignore[prop-decorator]
    @property
    def missing(self) -> list[str]:
        """The events that should call us and do not."""
        return [hook.event for hook in HOOKS if hook.event not in self.events]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def broken(self) -> list[str]:
        """The programs that are called and are not there, as after a virtual environment was removed."""
        programs = dict.fromkeys(_program(command) for command in self.commands)
        return [program for program in programs if not shutil.which(program)]


class Change(BaseModel, frozen=True):
    """What was done to a file of settings."""

    installed: Installed
    changed: bool


def settings_path(scope: Scope, *, project: Path, environment: Mapping[str, str]) -> Path:
    """Where Claude Code keeps the settings of `scope`: the person's, the project's, or the person's in the project."""
    if scope == "user":
        given = environment.get("CLAUDE_CONFIG_DIR")
        return (Path(given) if given else Path.home() / ".claude") / "settings.json"
    return project / ".claude" / ("settings.json" if scope == "project" else "settings.local.json")


def read_installed(scope: Scope, path: Path) -> Installed:
    """What of ours is in the settings at `path`.

    Raises:
        ClaudeSettingsError: they cannot be read.
    """
    found = list(_ours(parse(read(path), path)))
    agents = (re.search(r"--agent (\S+)", command) for _, _, command in found)
    return Installed(
        scope=scope,
        path=path,
        events=list(dict.fromkeys(event for event, _, _ in found)),
        agents=list(dict.fromkeys(match[1] for match in agents if match)),
        commands=list(dict.fromkeys(command for _, _, command in found)),
    )


def install(
    scope: Scope, path: Path, *, agent: str, python: str, environment: Mapping[str, str] = MappingProxyType({})
) -> Change:
    """Have Claude Code call our hooks; everything else in its settings stays, to the letter. Twice is once.

    Args:
        scope: whose settings they are.
        path: the file, made if it is missing.
        agent: whose memory the sessions read and feed.
        python: the program that has this package.
        environment: what of it says where memory and runs are goes into the commands; Claude Code is often started
            where it is not set.

    Raises:
        ClaudeSettingsError: the settings are no JSON of that form, or cannot be written; they are as they were.
    """
    text = read(path)
    called = Called(scope=scope, agent=agent, python=python, places=_places(environment))
    wanted = {(hook.event, called.command(hook)) for hook in HOOKS}
    there = [(event, command) for event, _, command in _ours(parse(text, path))]
    if set(there) == wanted and len(there) == len(wanted):
        return Change(installed=read_installed(scope, path), changed=False)
    text = _without_ours(text, path) if there else text
    for hook in HOOKS:
        text = _with(text, hook, called.command(hook))
    write(path, text)
    return Change(installed=read_installed(scope, path), changed=True)


def uninstall(scope: Scope, path: Path) -> Change:
    """Take our hooks out of the settings, and what stood there only for them.

    Raises:
        ClaudeSettingsError: the settings are no JSON of that form, or cannot be written; they are as they were.
    """
    before = read_installed(scope, path)
    if not before.events:
        return Change(installed=before, changed=False)
    text = _without_ours(read(path), path)
    if text.strip() == "{}":
        # A file that says nothing was made for us.
        remove(path)
    else:
        write(path, text)
    return Change(installed=read_installed(scope, path), changed=True)


def has_own(project: Path) -> bool:
    """Whether the project itself, or its person for it, has hooks of ours for conversations.

    Raises:
        ClaudeSettingsError: its settings cannot be read.
    """
    scopes: tuple[Scope, ...] = ("project", "local")
    paths = {scope: settings_path(scope, project=project, environment={}) for scope in scopes}
    return any("SessionStart" in read_installed(scope, path).events for scope, path in paths.items())


def _places(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment[name] for name in _PLACES if environment.get(name)}


def _program(command: str) -> str:
    try:
        return next(word for word in shlex.split(command) if not _ASSIGNMENT.match(word))
    except (ValueError, StopIteration):
        return command  # somebody rewrote it, and the shell will not take it either


def _with(text: str, hook: Hook, command: str) -> str:
    group: JsonValue = {"hooks": [{"type": "command", "command": command, "timeout": hook.timeout_seconds}]}
    events = json.loads(text).get("hooks")
    if events is None:
        return append(text, (), {hook.event: [group]}, name="hooks")
    if hook.event not in events:
        return append(text, ("hooks",), [group], name=hook.event)
    return append(text, ("hooks", hook.event), group)


def _without_ours(text: str, path: Path) -> str:
    while found := next(_ours(parse(text, path)), None):
        text = _without(text, found[1])
    return text


def _without(text: str, place: tuple[str | int, ...]) -> str:
    """`text` without what is at `place`, and without the groups and lists that are empty then."""
    text = delete(text, place)
    for length in range(len(place) - 1, 0, -1):
        inner = json.loads(text)
        for key in place[:length]:
            inner = inner[key]
        # A group holds its matcher beside its hooks.
        if inner and not (isinstance(inner, dict) and inner.get("hooks") == []):
            break
        text = delete(text, place[:length])
    return text


def _ours(settings: Mapping[str, JsonValue]) -> Iterator[tuple[str, tuple[str | int, ...], str]]:
    """Each of our commands: its event, its place, and the command itself."""
    for event, groups in _mapping(settings.get("hooks")).items():
        for number, group in enumerate(_sequence(groups)):
            for place, hook in enumerate(_sequence(_mapping(group).get("hooks"))):
                command = _mapping(hook).get("command")
                if isinstance(command, str) and _OURS.search(command):
                    yield event, ("hooks", event, number, "hooks", place), command


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _sequence(value: JsonValue) -> Sequence[JsonValue]:
    return value if isinstance(value, list) else []
