"""A memory as a file of JSON Lines, written whole or not at all, for this user alone."""

import os
from pathlib import Path

from sessions.errors import MemoryStoreError
from sessions.memory.base import Memory
from sessions.memory.transfer import Imported, export_changes, import_changes


def export_to(memory: Memory, path: Path, *, agent: str | None = None, replace: bool = False) -> int:
    """Write the memory's changes into a file; how many there are.

    Args:
        memory: whose.
        path: where to.
        agent: only this one's; of all agents without it.
        replace: whether a file that is there gives way.

    Raises:
        MemoryStoreError: the file is there, or the disk does not take it, and it is as it was; or the memory cannot
            be read.
    """
    if path.exists() and not replace:
        raise MemoryStoreError(f"{path} is there already; give --replace, or another name", url=str(path))
    if path.is_dir():
        raise MemoryStoreError(f"{path} is a folder; give the name of a file in it", url=str(path))
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        return _write(memory, path, part, agent)
    except OSError as error:
        raise MemoryStoreError(f"{path} cannot be written: {error.strerror}", url=str(path)) from error


def _write(memory: Memory, path: Path, part: Path, agent: str | None) -> int:
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        try:
            count = export_changes(memory, file, agent)
            file.flush()
            os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return count


def import_from(memory: Memory, path: Path) -> Imported:
    """Apply the changes in a file; the same file again changes nothing.

    Raises:
        MemoryStoreError: the file cannot be read, or the memory not written. Importing again goes on.
    """
    try:
        with path.open("rb") as file:
            return import_changes(memory, file)
    except OSError as error:
        raise MemoryStoreError(f"{path} cannot be read: {error.strerror}", url=str(path)) from error
