"""Templates in a script: Jinja2 in a sandbox, over what the request holds."""

import json
import re
from collections.abc import Mapping
from functools import cache

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from pydantic import JsonValue

from sessions.errors import SessionError
from sessions.offline.request import ApiRequest


class RenderError(SessionError):
    """A template of the script asks for something that the request does not hold."""


def _lines_with(text: str, needle: str) -> list[str]:
    return [line for line in text.splitlines() if needle in line]


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _find(text: str, pattern: str) -> list[str]:
    return [match.group(1) if match.re.groups else match.group() for match in re.finditer(pattern, text, re.MULTILINE)]


def _tojson(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


@cache
def _environment() -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters.update(lines_with=_lines_with, first_line=_first_line, find=_find, tojson=_tojson)
    return environment


@cache
def _compiled(source: str) -> Template:
    return _environment().from_string(source)


def check_template(source: str) -> str:
    """`source`, if it is a template.

    Raises:
        ValueError: it is not; the message says why.
    """
    try:
        _compiled(source)
    except TemplateError as error:
        raise ValueError(f"not a template: {error}") from error
    return source


def check_templates(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """`value`, if every string in it is a template.

    Raises:
        ValueError: one is not.
    """
    for text in _strings(value):
        check_template(text)
    return value


def _strings(value: JsonValue) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for part in parts for text in _strings(part)]


def variables(request: ApiRequest) -> dict[str, object]:
    """What a template may use.

    `prompt`, `last`, `system`, `reminders`, `results`, `failed`, `turn`, `model` and `tools` as `ApiRequest` says;
    `request` is the body as far as this server reads it. Filters beside Jinja2's own: `lines_with(needle)`,
    `first_line`, `find(regex)` (a list of all matches, or of their first group), `tojson`.
    """
    return {
        "prompt": request.prompt,
        "last": request.last,
        "system": request.system_text,
        "reminders": request.reminders,
        "results": request.results,
        "failed": request.failed,
        "turn": request.turn,
        "model": request.model,
        "tools": request.tool_names,
        "request": request.model_dump(mode="json"),
    }


def render(source: str, values: Mapping[str, object]) -> str:
    """The text of a template.

    Raises:
        RenderError: it asks for something that is not there, or fails while it is rendered.
    """
    try:
        return _compiled(source).render(values)
    except (TemplateError, TypeError, ValueError, LookupError, re.error) as error:
        raise RenderError(f"the template {source[:60]!r} failed: {error}") from error


def render_value(value: JsonValue, values: Mapping[str, object]) -> JsonValue:
    """`value` with every string in it rendered.

    Raises:
        RenderError: as `render`.
    """
    if isinstance(value, str):
        return render(value, values)
    if isinstance(value, list):
        return [render_value(part, values) for part in value]
    if isinstance(value, dict):
        return {key: render_value(part, values) for key, part in value.items()}
    return value
