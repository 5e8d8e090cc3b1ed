"""What an agent said and did, entry by entry, on disk the moment it happened."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, JsonValue, ValidationError

from sessions.errors import RunFolderError
from sessions.files import write_whole
from sessions.models import Usage
from sessions.redaction import Redactor

EntryKind = Literal["prompt", "text", "thinking", "tool_call", "tool_result", "usage", "note"]


class Entry(BaseModel, frozen=True):
    """One line of a transcript.

    `turn` counts the model's answers from 1; the prompt is turn 0. `arguments` belong to a tool call; `tool_call_id`
    ties a result to its call. An entry of kind `usage` closes a turn and holds what the provider counted for it.
    """

    kind: EntryKind
    at: datetime
    turn: int
    text: str = ""
    tool: str = ""
    tool_call_id: str = ""
    arguments: dict[str, JsonValue] = {}
    is_error: bool = False
    usage: Usage | None = None


class Transcript:
    """An append-only JSON Lines file of entries, redacted before they are written.

    A line is on its way to the disk before `append` returns, so that a killed process loses none; a last line torn
    by a crash is left out when read, and ended before the next one is written.

    `signs` counts the signs of life: each entry, and each part of one that is not whole yet.
    """

    def __init__(self, path: Path, redact: Redactor) -> None:
        self.path = path
        self.entries: list[Entry] = list(read_transcript(path)) if path.exists() else []
        self.signs = 0
        self._redact = redact
        self._mended = not path.exists() or path.read_bytes()[-1:] in (b"", b"\n")

    def append(self, entry: Entry) -> Entry:
        """Write one entry; returns it as it was written.

        Raises:
            RunFolderError: the file cannot be written, as with a full disk.
        """
        clean = Entry.model_validate(_writable(self._redact.value(entry.model_dump())))
        line = "\n" * (not self._mended) + _line(clean)
        try:
            with self.path.open("ab") as file:
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self._mended = False
            raise RunFolderError(f"the transcript {self.path} cannot be written: {error.strerror}") from error
        self._mended = True
        self.entries.append(clean)
        self.sign()
        return clean

    def sign(self) -> None:
        """Take note that the agent is alive: a part came of what becomes an entry once it is whole."""
        self.signs += 1

    def put_back(self) -> bool:
        """Have the file hold what was written, and nothing else; returns whether somebody had changed it.

        Raises:
            RunFolderError: the file cannot be written.
        """
        if not self.entries and not self.path.exists():
            return False
        written = [_line(entry) for entry in self.entries]
        with suppress(RunFolderError):
            if [_line(entry) for entry in read_transcript(self.path)] == written:
                return False
        try:
            write_whole(self.path, "".join(written))
        except OSError as error:
            raise RunFolderError(f"the transcript {self.path} cannot be written: {error.strerror}") from error
        self._mended = True
        return True

    @property
    def turns(self) -> int:
        """How many answers the model gave."""
        return max((entry.turn for entry in self.entries), default=0)

    @property
    def usage(self) -> Usage:
        """All tokens so far."""
        return sum((entry.usage for entry in self.entries if entry.usage), Usage())

    @property
    def last_text(self) -> str:
        """The latest thing the agent said; empty if it said nothing."""
        return next((entry.text for entry in reversed(self.entries) if entry.kind == "text"), "")


def _line(entry: Entry) -> str:
    return entry.model_dump_json(exclude_defaults=True) + "\n"


def _writable(value: JsonValue) -> JsonValue:
    """`value` with a mark in place of what is no character, such as a byte of a file name that is not UTF-8."""
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, list):
        return [_writable(item) for item in value]
    if isinstance(value, dict):
        return {_plain(key): _writable(item) for key, item in value.items()}
    return value


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def read_transcript(path: Path) -> Iterator[Entry]:
    """The entries of a transcript file, without a torn last line.

    Raises:
        RunFolderError: the file cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise RunFolderError(f"the transcript {path} cannot be read: {error.strerror}") from error
    for line in lines:
        try:
            yield Entry.model_validate_json(line)
        except ValidationError:
            continue
