"""Writes a new session definition and its prompt, with comments that help to change them."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, JsonValue

from deployments.check import check_files, errors_in
from deployments.definition_text import render_definition
from deployments.definitions import FOLDER
from deployments.names import check_display_name, name_from_prompt, slug_of
from deployments.problems import Problem
from sessions.clock_changes import interval_zone_fault
from sessions.cron import DEFAULT_PRESET, PRESETS, cron_fault
from sessions.errors import SpecError
from sessions.schedule import (
    CronSchedule,
    IntervalSchedule,
    MomentSchedule,
    Schedule,
    describe,
    parse_at,
    parse_every,
    timezone_fault,
)
from sessions.settings import Settings
from sessions.spec import SessionSpec

PROMPTS = f"{FOLDER}/prompts"
#: Of a name that a number is to follow.
_ROOM_FOR_NUMBER = 45
_ALWAYS_WRITTEN = ("model", "temperature", "max_tokens", "timeout_seconds")


class NewSession(BaseModel, frozen=True, extra="forbid"):
    """What a person asks for. At most one of `preset`, `cron`, `every` and `at`; exactly one kind of prompt.

    `name` is the display name; without one it is made of the prompt. `every` is such as `6h`, `at` such as
    `2027-01-31T09:00` on the clock of `timezone`. `parameters` are those of the session, beside its prompt.
    """

    name: str = ""
    description: str = ""
    preset: str = ""
    cron: str = ""
    every: str = ""
    at: str = ""
    timezone: str = "UTC"
    prompt: str = ""
    prompt_file: str = ""
    work_pool: str = "sessions"
    parameters: dict[str, JsonValue] = {}


class Written(BaseModel, frozen=True):
    """What was written. `prompt` is None where the prompt was there already."""

    name: str
    definition: Path
    prompt: Path | None
    schedule: str
    warnings: list[Problem]


def write_definition(asked: NewSession, settings: Settings, *, root: Path, now: datetime) -> Written:
    """Write the definition, and its prompt into a file beside it; nothing is overwritten.

    Args:
        asked: what the session should be.
        settings: which models are enabled, and the default ones.
        root: the repository.
        now: the anchor of an interval, and what an `at` must come after.

    Raises:
        SpecError: what was asked for is wrong, or a file of that name is there; nothing has been written.
    """
    _require_one_prompt(asked)
    display, name = _choose_names(asked, root)
    schedule = choose_schedule(asked, now)
    definition, prompt = root / FOLDER / f"{name}.yaml", root / PROMPTS / f"{name}.md"
    text = render_definition(
        name=name,
        display_name=display,
        description=asked.description.strip() or display,
        schedule=schedule,
        parameters=_with_defaults(asked, name),
        work_pool=asked.work_pool,
    )
    texts = {definition: text}
    if asked.prompt.strip():
        texts[prompt] = asked.prompt.strip() + "\n"
    _write_all(texts)
    problems = check_files([definition], settings, root=root, now=now)
    if errors := errors_in(problems):
        for path in texts:
            path.unlink()
        raise SpecError("\n".join(f"{error.field}: {error.message}" for error in errors), field=errors[0].field)
    return Written(
        name=name,
        definition=definition,
        prompt=prompt if prompt in texts else None,
        schedule=describe(schedule),
        warnings=problems,
    )


def _require_one_prompt(asked: NewSession) -> None:
    if asked.prompt.strip() and asked.prompt_file:
        raise SpecError("prompt and prompt_file are both given; give one of them", field="prompt_file")
    if not asked.prompt.strip() and not asked.prompt_file:
        raise SpecError("the prompt is blank; say what the agent should do on every run", field="prompt")


def _choose_names(asked: NewSession, root: Path) -> tuple[str, str]:
    """The display name and the name. A generated one gets a number where the name is taken."""
    if asked.name:
        display = check_display_name(asked.name)
        return display, slug_of(display)
    display = name_from_prompt(asked.prompt or Path(asked.prompt_file).stem)
    name, number = slug_of(display), 1
    while (root / FOLDER / f"{name}.yaml").exists() or (root / PROMPTS / f"{name}.md").exists():
        number += 1
        name = f"{slug_of(display)[:_ROOM_FOR_NUMBER].strip('-')}-{number}"
    return (display if number == 1 else f"{display} {number}"), name


def choose_schedule(asked: NewSession, now: datetime) -> Schedule:
    """The schedule that was asked for; every hour if none was.

    Raises:
        SpecError: more than one was, or it is wrong.
    """
    given = [field for field in ("preset", "cron", "every", "at") if getattr(asked, field)]
    if len(given) > 1:
        raise SpecError(f"{' and '.join(given)} are two schedules; give one of them", field=given[1])
    if fault := timezone_fault(asked.timezone):
        raise SpecError(fault, field="timezone")
    if asked.every:
        if fault := interval_zone_fault(asked.timezone):
            raise SpecError(fault, field="timezone")
        anchor = now.replace(microsecond=0)
        return IntervalSchedule(interval=parse_every(asked.every), anchor_date=anchor, timezone=asked.timezone)
    if asked.at:
        return _coming_moment(asked, now)
    return _cron_schedule(asked)


def _coming_moment(asked: NewSession, now: datetime) -> MomentSchedule:
    at = parse_at(asked.at, asked.timezone)
    if at <= now:
        raise SpecError(f"{asked.at} is past; give a moment that is to come", field="at")
    return MomentSchedule(at=at, timezone=asked.timezone)


def _cron_schedule(asked: NewSession) -> CronSchedule:
    preset = asked.preset or DEFAULT_PRESET
    if not asked.cron and preset not in PRESETS:
        raise SpecError(f"{preset!r} is not a preset; there are {', '.join(PRESETS)}", field="preset")
    expression = asked.cron or PRESETS[preset]
    if fault := cron_fault(expression):
        raise SpecError(fault, field="cron")
    return CronSchedule(cron=expression, timezone=asked.timezone)


def _with_defaults(asked: NewSession, name: str) -> dict[str, JsonValue]:
    """The parameters to write: the prompt, what people change most, and what was asked for."""
    defaults: dict[str, Any] = {key: SessionSpec.model_fields[key].default for key in _ALWAYS_WRITTEN}
    defaults["model"] = Settings.model_fields["model"].default
    return {"prompt_file": asked.prompt_file or f"{PROMPTS}/{name}.md", **defaults, **asked.parameters}


def _write_all(texts: Mapping[Path, str]) -> None:
    """Write new files; if one is there already, or cannot be written, none is left behind."""
    written: list[Path] = []
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        for done in written:
            done.unlink()
        if isinstance(error, FileExistsError):
            raise SpecError(
                f"{error.filename} is there already; give another name, or edit it", field="name"
            ) from error
        raise SpecError(f"{error.filename} cannot be written: {error.strerror}", field="name") from error
