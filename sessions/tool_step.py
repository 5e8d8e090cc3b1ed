"""What the loop guard keeps of one tool call: enough to tell it from others, and little of what it said."""

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256

from pydantic import BaseModel, JsonValue

#: Arguments that say nothing of what a call does: a model words them anew every time.
_WORDING = frozenset({"description", "activeForm"})
_WRITING = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit"})
_WAITING_TOOL = re.compile(r"(?:^|[_.])(?:wait|sleep)(?:$|[_.])|^TaskOutput$", re.IGNORECASE)
#: A command that waits, where the shell would run it: `grep "sleep 5" x` does not.
_WAITING_COMMAND = re.compile(
    r"""(?:^|[;&|(\n]|\b(?:do|then|else|exec|sudo)\b)\s*
    (?: sleep\s+["']?(?:[1-9]|\$|\d+\.?\d*[mh])
      | kubectl\s+(?:wait|rollout\s+status)\b | docker\s+wait\b | podman\s+wait\b | gh\s+run\s+watch\b
      | inotifywait\b | timeout\s+\S+\s+tail\s+-[fF]\b
    ) | time\.sleep\(\s*[1-9] | \bStart-Sleep\b""",
    re.VERBOSE,
)
#: A call that was not made did not wait either.
_NOT_MADE = re.compile(r"\A(?:Denied:|PreToolUse:\w+ hook error|Permission to use )")
#: How long something took differs from one time to the next and says nothing: `5 failed in 0.31s`.
_DURATION = re.compile(
    r"\b(in|took|time:?|real|user|sys)(\s+)(?:\d+m)?\d+(?:\.\d+)?\s*(?:m?s|sec(?:ond)?s?)\b", re.IGNORECASE
)
_PATH = re.compile(
    r"(?:[\w.@~+-]*[/\\])+[\w.@~+-]*"
    r"|\b[\w-]+\.(?:py|js|ts|tsx|jsx|md|txt|json|ya?ml|toml|sh|c|h|cc|cpp|go|rs|java|rb|html|css|cfg|ini|log|csv|lock)\b"
)
_NUMBER = re.compile(r"0x[0-9a-f]+|\b(?=[a-f]*\d)[0-9a-f]{7,40}\b|\d+", re.IGNORECASE)
#: What is left of an error that does not say what went wrong.
_SAYS_NOTHING = re.compile(r"(?:\W|_|number|argument|path|exit|code|error|command|failed)*", re.IGNORECASE)
_LABEL_CHARACTERS = 80
_SHORTEST_ARGUMENT = 2


class ToolStep(BaseModel, frozen=True):
    """One tool call and what came of it.

    `label` and `said` are for a person. The rest are fingerprints, equal for what counts as equal: `call` of the tool
    and its arguments; `outcome` of call and result, where an error's numbers and paths do not count; `exact` of the
    same where they do; `error` of the tool and its error, whatever the arguments were, and empty if it did not fail.
    `writes` is the file that a file tool wrote. `waits` says that the call waited on purpose, as a poll does.
    """

    tool: str
    label: str
    call: str
    outcome: str
    exact: str
    error: str = ""
    said: str = ""
    writes: str = ""
    waits: bool = False


def tool_step(tool: str, arguments: Mapping[str, JsonValue], result: str, *, failed: bool) -> ToolStep:
    """What to keep of a call.

    Args:
        tool: its name.
        arguments: as the model gave them.
        result: as the model is told; without secrets, because the beginning of an error is kept.
        failed: whether the result is an error or a denial.
    """
    call = call_print(tool, arguments)
    timeless = _DURATION.sub(r"\1\2…", result)
    kind = _kind_of_error(timeless, arguments) if failed else ""
    named = "" if _SAYS_NOTHING.fullmatch(kind) else call_label(tool, {})
    return ToolStep(
        tool=tool,
        label=call_label(tool, arguments),
        call=call,
        outcome=_print(call, str(failed), kind if failed else timeless),
        exact=_print(call, str(failed), timeless),
        error=_print(named or call, kind) if failed else "",
        said=_first_line(result) if failed else "",
        writes="" if failed or tool not in _WRITING else _path_of(arguments),
        waits=_waits(tool, arguments) and not (failed and _NOT_MADE.match(result)),
    )


def call_print(tool: str, arguments: Mapping[str, JsonValue]) -> str:
    """The fingerprint of a call: equal for calls that do the same."""
    return _print(tool, json.dumps(_without_wording(arguments), sort_keys=True))


def call_label(tool: str, arguments: Mapping[str, JsonValue]) -> str:
    """A call as a person may read it: `Bash(git status)`."""
    first = next((" ".join(value.split()) for value in arguments.values() if isinstance(value, str) and value), "")
    shown = first if len(first) <= _LABEL_CHARACTERS else f"{first[: _LABEL_CHARACTERS - 1]}…"
    return f"{tool}({shown})" if shown else tool


def _print(*parts: str) -> str:
    return sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:16]


def _kind_of_error(text: str, arguments: Mapping[str, JsonValue]) -> str:
    """The error without what the call itself brought into it, and without its numbers and paths."""
    given = sorted({value for value in _texts(arguments) if len(value) >= _SHORTEST_ARGUMENT}, key=len, reverse=True)
    for value in given:
        text = text.replace(value, "<argument>")
    text = _NUMBER.sub("<number>", _PATH.sub("<path>", text))
    return " ".join(text.split())


def _without_wording(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _without_wording(part) for name, part in value.items() if name not in _WORDING}
    return [_without_wording(part) for part in value] if isinstance(value, list) else value


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        return
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for part in parts:
        yield from _texts(part)


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = next((line for line in lines if not _SAYS_NOTHING.fullmatch(_NUMBER.sub("", line))), "")
    return (telling or (lines or [""])[0])[: 2 * _LABEL_CHARACTERS].rstrip(".")


def _path_of(arguments: Mapping[str, JsonValue]) -> str:
    return str(arguments.get("file_path") or arguments.get("notebook_path") or "")


def _waits(tool: str, arguments: Mapping[str, JsonValue]) -> bool:
    if tool == "Bash":
        return bool(_WAITING_COMMAND.search(str(arguments.get("command", ""))))
    return bool(_WAITING_TOOL.search(tool)) and arguments.get("block") is not False
