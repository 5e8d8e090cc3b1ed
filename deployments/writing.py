"""Writes files that belong to one change: all of them, or none if what follows goes wrong."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sessions.errors import SpecError


@contextmanager
def written(texts: Mapping[Path, str]) -> Iterator[None]:
    """The texts stand in their files while the block runs, and after it unless it fails: then all is as it was before.

    Raises:
        SpecError: a file cannot be written.
    """
    before = {path: path.read_bytes() if path.exists() else None for path in texts}
    with ExitStack() as unless_done:
        unless_done.callback(_put_back, before)
        try:
            for path, text in texts.items():
                _replace(path, text.encode())
            yield
        except OSError as error:
            raise SpecError(f"{error.filename} cannot be written: {error.strerror}") from error
        unless_done.pop_all()


def _replace(path: Path, content: bytes) -> None:
    # A reader sees the old file or the new one, never half of it.
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        if path.exists():
            shutil.copymode(path, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _put_back(before: Mapping[Path, bytes | None]) -> None:
    for path, content in before.items():
        if content is None:
            path.unlink(missing_ok=True)
        elif path.read_bytes() != content:
            _replace(path, content)
