"""Claude Code's settings as a file: read, checked, and written whole or not at all."""

import json
import os
from collections.abc import Mapping
from json.decoder import JSONDecodeError
from pathlib import Path
from tempfile import NamedTemporaryFile

from pydantic import JsonValue

from sessions.errors import SessionError

_BOM = "\ufeff"


class ClaudeSettingsError(SessionError):
    """Claude Code's settings cannot be read, changed or written; they are as they were."""


def parse(text: str, path: Path) -> Mapping[str, JsonValue]:
    """The settings that `text` holds, whose form is checked as far as we change it.

    Raises:
        ClaudeSettingsError: they have another form.
    """
    try:
        settings = json.loads(text)
    except JSONDecodeError as error:
        raise ClaudeSettingsError(
            f"{path} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}; mend it first"
        ) from error
    if not isinstance(settings, dict):
        raise ClaudeSettingsError(f"{path} holds no settings: it should be a JSON object; mend it first")
    events = settings.get("hooks", {})
    if not isinstance(events, dict) or not all(isinstance(groups, list) for groups in events.values()):
        raise ClaudeSettingsError(f"{path}: hooks should be an object with a list for each event; mend it first")
    return settings


def read(path: Path) -> str:
    """The text of the settings; those of an empty object where there are none.

    Raises:
        ClaudeSettingsError: the file cannot be read.
    """
    try:
        # Line ends stay as they are.
        text = path.read_bytes().decode() if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ClaudeSettingsError(f"{path} cannot be read: {error}") from error
    return text.removeprefix(_BOM) if text.strip() else "{}\n"


def write(path: Path, text: str) -> None:
    """Put `text` in place of the file, whole or not at all; where it is a link, of the file that it leads to.

    Raises:
        ClaudeSettingsError: the disk does not take it.
    """
    target = path.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=target.parent, prefix=".settings-", delete=False) as part:
            part.write(text.encode())
            part.flush()
            os.fsync(part.fileno())
        temporary = Path(part.name)
        temporary.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o644)
        temporary.replace(target)
    except OSError as error:
        raise ClaudeSettingsError(f"{path} cannot be written: {error.strerror}; it is as it was") from error


def remove(path: Path) -> None:
    """Remove the file.

    Raises:
        ClaudeSettingsError: it cannot be removed.
    """
    try:
        path.resolve().unlink()
    except OSError as error:
        raise ClaudeSettingsError(f"{path} cannot be removed: {error.strerror}") from error
