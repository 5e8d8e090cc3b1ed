"""The parameters of a session, from `SessionSpec`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from docs.tables import code, table, value
from sessions.parameters import SLUG
from sessions.spec import SessionSpec

HEAD = ("parameter", "type", "default", "takes", "meaning")
_BOUNDS = {"minimum": "≥ {}", "maximum": "≤ {}"}
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
_PATTERNS = {SLUG: "lower-case letters, digits, hyphens; at most 63"}


def render_parameters() -> str:
    """The table of parameters, and one for each model that stands in a list."""
    schema = SessionSpec.model_json_schema()
    parts = [
        "## Parameters of a session",
        "They stand under `parameters:` of a definition; a run overrides any of them with `--param name=value`.",
        table(HEAD, _rows(schema)),
    ]
    for name, inner in schema["$defs"].items():
        parts += [f"### {_words(name)}", inner["description"], table(("field", *HEAD[1:]), _rows(inner))]
    return "\n\n".join(parts)


def _rows(schema: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    required = schema.get("required", ())
    for name, field in schema["properties"].items():
        default = "required" if name in required else value(field["default"])
        yield code(name), _type(field), default, _takes(field), field.get("description", field.get("title", name))


def _type(field: Mapping[str, Any]) -> str:
    if "type" not in field:
        return _inner(field)
    if "$ref" in field:
        return _inner(field)
    if field["type"] == "object":
        values = field.get("additionalProperties") or next(iter(field["patternProperties"].values()))
        return f"{_inner(values)} by name"
    if field["type"] == "array":
        return f"list of {_inner(field['items'])}" + "s" * ("$ref" not in field["items"])
    return _TYPES[field["type"]]


def _inner(field: Mapping[str, Any]) -> str:
    """What stands in a list or under a name."""
    if "oneOf" in field:
        return " or ".join(map(_inner, field["oneOf"]))
    if "$ref" not in field:
        return _TYPES[field["type"]]
    words = _words(field["$ref"].rpartition("/")[2])
    return f"[{words}](#{words.replace(' ', '-')})"


def _takes(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(map(code, field["enum"]))
    if "const" in field:
        return code(field["const"])
    if "pattern" in field:
        return _PATTERNS[field["pattern"]]
    if "minLength" in field:
        return "not empty"
    return ", ".join(form.format(f"{field[key]:g}") for key, form in _BOUNDS.items() if key in field)


def _words(name: str) -> str:
    """`DeliveryTarget` as `delivery target`."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()
