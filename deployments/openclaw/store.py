"""Reads OpenClaw's store of cron jobs: strict JSON, or JSON with comments and trailing commas."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import json5
from pydantic import BaseModel, JsonValue

from sessions.errors import SpecError

VERSION = 1
_JSON5_FAULT = re.compile(r"<string>:(\d+) (.*) at column (\d+)", re.DOTALL)


class Store(BaseModel, frozen=True):
    """The rows of a store, unchecked, and what was found beside them."""

    rows: list[JsonValue]
    notes: list[str] = []


def read_store(path: Path) -> Store:
    """The rows in a file.

    Raises:
        SpecError: it cannot be read, is no JSON, or is no store; the sentence begins with file, line and column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise SpecError(f"{path} does not exist; give OpenClaw's store, such as ~/.openclaw/cron/jobs.json") from error
    except UnicodeDecodeError as error:
        raise SpecError(f"{path} is not text; OpenClaw's store is JSON in UTF-8") from error
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}") from error
    return parse_store(text, path)


def parse_store(text: str, path: Path) -> Store:
    """The rows in `text`; `path` is where it stands, for the sentence of an error.

    Raises:
        SpecError: it is no JSON, or no store.
    """
    if not text.strip():
        raise SpecError(f"{path} is empty; OpenClaw's store is an object with `jobs`, or a list of jobs")
    reader = _Reader()
    content = reader.read(text, path)
    rows, notes = _rows_in(content, path)
    return Store(rows=rows, notes=[*notes, *reader.notes])


class _Reader:
    """Reads JSON as OpenClaw does, where the last of two equal keys counts, and says where that happened."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def read(self, text: str, path: Path) -> JsonValue:
        """What `text` says."""
        try:
            strict: JsonValue = json.loads(text, object_pairs_hook=self._object)
        except (ValueError, RecursionError):
            self.notes.clear()
        else:
            return strict
        try:
            relaxed: JsonValue = json5.loads(text, object_pairs_hook=self._object)
        except RecursionError as error:
            raise SpecError(f"{path} is nested too deeply to be a store of jobs; nothing was imported") from error
        except ValueError as error:
            raise SpecError(_fault(str(error), path)) from error
        return relaxed

    def _object(self, pairs: Iterable[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        listed = list(pairs)
        found = dict(listed)
        if len(found) < len(listed):
            keys = [key for key, _ in listed]
            twice = ", ".join(repr(key) for key in found if keys.count(key) > 1)
            self.notes.append(f"{twice} stands more than once in one object; the last is read, as OpenClaw does")
        return found


def _fault(message: str, path: Path) -> str:
    match = _JSON5_FAULT.fullmatch(message)
    place, what = (f"{path}:{match[1]}:{match[3]}", match[2]) if match else (str(path), message)
    return f"{place}: is not JSON: {what[:1].lower()}{what[1:]!s}; nothing was imported"


def _rows_in(content: JsonValue, path: Path) -> tuple[list[JsonValue], list[str]]:
    if isinstance(content, list):
        return content, []
    jobs = content.get("jobs") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(jobs, list):
        raise SpecError(f"{path} is no store of jobs; it takes {{version: 1, jobs: […]}}, or a list of jobs")
    version = content.get("version", VERSION)
    if str(version) != str(VERSION):
        raise SpecError(f"{path} has version {version!r}; only version {VERSION} is known, nothing was imported")
    others = [key for key in content if key not in ("version", "jobs")]
    return jobs, [f"{key!r} beside the jobs is not known and was left out" for key in others]
