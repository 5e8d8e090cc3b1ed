"""Locks between processes, by the operating system: one ends with the process that holds it, however that dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from sessions.errors import RunFolderError


class HeldError(RunFolderError):
    """Another process holds the lock."""


@contextmanager
def held(folder: Path, name: str = "lock", *, wait_seconds: float = 0.0) -> Iterator[None]:
    """The lock `name` in `folder`, which is made if it is missing, while the block runs.

    Raises:
        HeldError: another process holds it, and still did after `wait_seconds`.
        RunFolderError: the disk does not take it.
    """
    lock = FileLock(folder / name, thread_local=False)
    try:
        # What an agent was told and said is for nobody else on this machine.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire(timeout=wait_seconds)
    except Timeout:
        raise HeldError(f"{folder / name} is held by another process") from None
    except OSError as error:
        raise RunFolderError(
            f"{folder} cannot be used: {error.strerror}; set SESSIONS_HOME to a writable folder"
        ) from error
    try:
        yield
    finally:
        lock.release()
