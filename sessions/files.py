"""Writes files whole or not at all, also when the process or the machine dies in between."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write `text` to a new file that only this user may read.

    Raises:
        FileExistsError: something is there already.
        OSError: the disk does not take it.
    """
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path` in place of what was there: it holds the old text or the new one, never a part.

    Raises:
        OSError: the disk does not take it; the old text stands.
    """
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
