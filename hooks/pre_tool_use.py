"""Claude Code's hook that notices when an agent goes in circles, for a person's own interactive sessions too.

`sessions hooks install` writes it into Claude Code's settings, beside the hooks for context and memory. By itself, in
`.claude/settings.json` of a project or in `~/.claude/settings.json`, with the Python that has this package:

    {"hooks": {"PreToolUse": [{"hooks": [{"type": "command", "command": "python -m hooks.pre_tool_use"}]}],
               "PostToolUse": [{"hooks": [{"type": "command", "command": "python -m hooks.pre_tool_use"}]}],
               "PostToolUseFailure": [{"hooks": [{"type": "command", "command": "python -m hooks.pre_tool_use"}]}]}}

The first event tells what is called, the others what came of it. Registered for the first alone it takes the result of
a call for the same each time, so that a poll that does not `sleep` looks like a circle.

It reads the event as JSON from standard input. Where there is something to say it answers in JSON: a warning for agent
and person, or the end of the turn. A person goes on by saying something, with which every count begins anew. What
cannot be read or kept is exit code 1 with a sentence, which Claude Code shows and does not act upon.
"""

import json
import re
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, JsonValue, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from sessions.errors import SessionError
from sessions.loop_guard import Level, LoopGuard, Verdict
from sessions.redaction import process_redactor
from sessions.settings import Settings, read_settings
from sessions.tool_step import ToolStep, tool_step

_KEPT_SECONDS = 7 * 24 * 3600
#: Fields of a result that differ each time and say nothing.
_TIMES = re.compile(r"duration|elapsed|timestamp", re.IGNORECASE)
_Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,100}$")]


class ToolEvent(BaseModel):
    """What Claude Code says of a tool call, before it and after it.

    An agent of the agent has an `agent_id`. `prompt_id` is that of the person's latest words.
    """

    hook_event_name: Literal["PreToolUse", "PostToolUse", "PostToolUseFailure"]
    session_id: _Id
    agent_id: _Id = ""
    prompt_id: str = ""
    tool_name: str
    tool_input: dict[str, JsonValue] = {}
    tool_use_id: str
    tool_response: JsonValue = None
    error: str = ""


class _Spoken(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class EventAnswer(_Spoken):
    """The part of an answer that belongs to one kind of event."""

    hook_event_name: str
    additional_context: str | None = None
    permission_decision: Literal["deny"] | None = None
    permission_decision_reason: str | None = None


class Answer(_Spoken):
    """What Claude Code is told; `go_on` is its `continue`."""

    go_on: bool | None = None
    stop_reason: str | None = None
    system_message: str | None = None
    hook_specific_output: EventAnswer | None = None

    model_config = ConfigDict(alias_generator=lambda name: "continue" if name == "go_on" else to_camel(name))


class KeptStep(BaseModel):
    """One line of a session's file. A call has one when it is made, and another when its result is there."""

    tool_use_id: str
    prompt_id: str = ""
    step: ToolStep


def main() -> int:
    """Answer the event on standard input; returns the exit code."""
    try:
        event = ToolEvent.model_validate_json(sys.stdin.buffer.read())
        answer = answer_event(event, read_settings(), now=time.time())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "standard input"
        return _complain(f"this is not the event of a tool call: {where}: {first['msg']}")
    except (SessionError, OSError) as error:
        return _complain(str(error))
    if answer:
        sys.stdout.write(answer.model_dump_json(by_alias=True, exclude_none=True) + "\n")
    return 0


def _complain(sentence: str) -> int:
    sys.stderr.write(f"loop guard: {sentence}\n")
    return 1


def answer_event(event: ToolEvent, settings: Settings, *, now: float) -> Answer | None:
    """What there is to say of a tool call, from all calls of its session; None for nothing.

    Args:
        event: the call, or its result.
        settings: where the session's file is, and after how many calls to warn and to stop.
        now: seconds since the epoch; files that nobody touched for a week are deleted.

    Raises:
        OSError: the session's file cannot be written or read.
    """
    path = _file_of(event, settings, now)
    with path.open("ab") as file:
        # In one write, since calls that are made at once have their hooks run at once.
        file.write(_kept(event).model_dump_json().encode() + b"\n")
    guard = LoopGuard(warn_after=settings.loop_warn_after, stop_after=settings.loop_stop_after)
    verdict = _judge(guard, path, event)
    if verdict.level is Level.STOP:
        return _stop(event, verdict)
    return _warn(event, verdict) if verdict.level is Level.WARN else None


def _judge(guard: LoopGuard, path: Path, event: ToolEvent) -> Verdict:
    """What `guard` says to one of the calls since the person's latest words, once it said stop the same ever after."""
    verdict = Verdict()
    for tool_use_id, step in _steps(path, event.prompt_id).items():
        verdict = guard.observe(step)
        if verdict.level is Level.STOP or tool_use_id == event.tool_use_id:
            break
    return verdict


def _steps(path: Path, prompt_id: str) -> dict[str, ToolStep]:
    """The calls in a session's file, by their ids; a call's result takes the place of the call."""
    steps: dict[str, ToolStep] = {}
    for line in path.read_bytes().splitlines():
        # A full disk tears lines.
        with suppress(ValidationError):
            kept = KeptStep.model_validate_json(line)
            if kept.prompt_id == prompt_id:
                steps[kept.tool_use_id] = kept.step
    return steps


def _file_of(event: ToolEvent, settings: Settings, now: float) -> Path:
    folder = settings.home / "hooks"
    path = folder / f"{event.session_id}{event.agent_id and '-'}{event.agent_id}.jsonl"
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in folder.glob("*.jsonl"):
            if now - old.stat().st_mtime > _KEPT_SECONDS:
                old.unlink(missing_ok=True)
    return path


def _kept(event: ToolEvent) -> KeptStep:
    redact = process_redactor()
    arguments = {name: redact.value(value) for name, value in event.tool_input.items()}
    failed = event.hook_event_name == "PostToolUseFailure"
    # A result has another form for each tool; a call that was only made has none.
    result = event.error if failed else json.dumps(_timeless(event.tool_response), sort_keys=True)
    step = tool_step(event.tool_name, arguments, redact(result), failed=failed)
    return KeptStep(tool_use_id=event.tool_use_id, prompt_id=event.prompt_id, step=step)


def _timeless(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {name: _timeless(part) for name, part in value.items() if not _TIMES.search(name)}
    return [_timeless(part) for part in value] if isinstance(value, list) else value


def _warn(event: ToolEvent, verdict: Verdict) -> Answer:
    told = EventAnswer(hook_event_name=event.hook_event_name, additional_context=verdict.warning)
    return Answer(system_message=f"The agent goes in circles: {verdict.repeats}", hook_specific_output=told)


def _stop(event: ToolEvent, verdict: Verdict) -> Answer:
    reason = f"The agent was stopped, because it went in circles: {verdict.repeats}"
    told = None
    if event.hook_event_name == "PreToolUse":
        told = EventAnswer(
            hook_event_name=event.hook_event_name, permission_decision="deny", permission_decision_reason=reason
        )
    return Answer(go_on=False, stop_reason=reason, hook_specific_output=told)


if __name__ == "__main__":
    sys.exit(main())
