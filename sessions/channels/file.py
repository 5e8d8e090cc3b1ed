"""Reports as files: whole or not at all, safe to write again."""

import asyncio
import contextlib
import errno
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from sessions.channels.address import fill_in
from sessions.channels.base import Message
from sessions.errors import DeliveryError
from sessions.outcome import Outcome

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NOT_FOR_NAMES = re.compile(r"[^\w.-]+")
#: What may be different a few seconds later.
_PASSING = {errno.EAGAIN, errno.EBUSY, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOSPC}
_NOT_A_FILE = "give the path of a file whose folder can be made"
_NOT_WRITABLE = "give a path that the worker may write to"
#: What placeholders are filled in from where there is no report yet.
_SAMPLE = Message(key="", title="", markdown="", session="session", run_id="run", outcome=Outcome.COMPLETED)


class FileChannel:
    """Writes the report to the path that `to` gives, replacing what is there.

    A relative path is under `home`. `{session}`, `{slot}` (as 20261103T020000Z) and `{run}` in it are filled in, so
    that each run can have a file of its own.
    """

    repeatable = True

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self._home = home
        self._environment = environment

    async def send(self, message: Message, to: str) -> str:
        path = self._path(_fill_placeholders(fill_in(to, self._environment), message))
        try:
            await asyncio.to_thread(_replace_file, path, message)
        except OSError as error:
            raise DeliveryError(
                f"the report cannot be written to {path}: {error.strerror}; {_remedy(error)}",
                retryable=error.errno in _PASSING,
            ) from error
        return str(path)

    async def check(self, to: str) -> None:
        path = self._path(_fill_placeholders(fill_in(to, self._environment), _SAMPLE))
        folder = next(each for each in path.parents if each.exists())
        if path.is_dir() or not folder.is_dir():
            raise DeliveryError(f"no report can be written to {path}; {_NOT_A_FILE}", retryable=False)
        if not os.access(folder, os.W_OK):
            raise DeliveryError(f"the report cannot be written to {path}; {_NOT_WRITABLE}", retryable=False)

    def _path(self, to: str) -> Path:
        return self._home / Path(to).expanduser()


def _fill_placeholders(to: str, message: Message) -> str:
    known = {"session": message.session, "run": message.run_id, "slot": _slot_name(message.facts.get("slot"))}

    def value_of(match: re.Match[str]) -> str:
        if match[1] not in known:
            raise DeliveryError(
                f"`to` holds {match[0]}, which is not known; known are {{session}}, {{slot}} and {{run}}",
                retryable=False,
            )
        # no name may lead out of the folder
        return _NOT_FOR_NAMES.sub("-", known[match[1]]).strip(".") or "-"

    return _PLACEHOLDER.sub(value_of, to)


def _slot_name(slot: JsonValue) -> str:
    """The slot in UTC, in characters that every file system takes."""
    return f"{datetime.fromisoformat(str(slot)).astimezone(UTC):%Y%m%dT%H%M%SZ}" if slot else "unscheduled"


def _replace_file(path: Path, message: Message) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{message.key[:16]}.part")
    try:
        _write_through(part, message.markdown.rstrip() + "\n")
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    _sync_folder(path.parent)


def _write_through(path: Path, text: str) -> None:
    with path.open("wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the new name last; some file systems cannot, and the report is written all the same."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _remedy(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "free some space or give another path"
    if error.errno in (errno.EISDIR, errno.ENOTDIR, errno.EEXIST):
        return _NOT_A_FILE
    return _NOT_WRITABLE
