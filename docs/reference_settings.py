"""The settings, from `Settings`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from docs.tables import code, table, value
from sessions.settings import Settings

_BOUNDS = {"minimum": "≥ {:g}", "exclusiveMinimum": "more than {:g}"}


def render_settings() -> str:
    """The table of settings."""
    parts = [
        "## Settings",
        "Read from the environment of whatever runs: the command, and the worker for its runs.",
        table(("variable", "default", "takes", "meaning"), _rows()),
    ]
    return "\n\n".join(parts)


def _rows() -> Iterator[tuple[str, ...]]:
    schemas = Settings.model_json_schema(by_alias=False)["properties"]
    for name, field in Settings.model_fields.items():
        yield code(variable_of(name, field)), _default(field), _takes(schemas[name]), field.description or ""


def variable_of(name: str, field: FieldInfo) -> str:
    """The variable of the environment that a setting is read from."""
    return str(field.validation_alias or f"{Settings.model_config.get('env_prefix', '')}{name.upper()}")


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, Path):
        return "`sessions` in the user's data folder"
    if isinstance(default, SecretStr):
        return value(default.get_secret_value())
    return value(default or "") if isinstance(default, tuple | dict) else value(default)


def _takes(schema: Mapping[str, Any]) -> str:
    return ", ".join(form.format(schema[key]) for key, form in _BOUNDS.items() if key in schema)
