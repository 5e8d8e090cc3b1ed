"""One SQLite file: opening it, writing to it all or nothing, and saying in a sentence what is wrong with it."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sessions.errors import MemoryStoreError

#: By the beginning of SQLite's error name. `{path}` is the file, `{wait}` the seconds waited for a lock.
SENTENCES = {
    "SQLITE_NOTADB": "{path} is not a memory: it is no SQLite database; it was left as it is. Move it away, or point "
    "SESSIONS_MEMORY_URL at another file",
    "SQLITE_BUSY": "another process holds the memory {path} and did not let go within {wait:g} s; nothing was stored. "
    "Try again when it has ended",
    "SQLITE_FULL": "the disk of the memory {path} is full; nothing of this was stored, what was there is unharmed. "
    "Free some space and try again",
    "SQLITE_IOERR": "the disk of the memory {path} failed or is full ({error}); nothing of this was stored. Check the "
    "disk and try again",
    "SQLITE_READONLY": "the memory {path} may not be written; give this user the right to write it and its folder, or "
    "point SESSIONS_MEMORY_URL at another file",
    "SQLITE_CANTOPEN": "the memory {path} cannot be opened; give this user the right to read and write it and its "
    "folder, or point SESSIONS_MEMORY_URL at another file",
    "SQLITE_CORRUPT": "the memory {path} is damaged ({error}); keep the file, and restore a copy of it, or point "
    "SESSIONS_MEMORY_URL at another file",
}
OTHERWISE = "the memory {path} cannot be used: {error}. Open it again, or point SESSIONS_MEMORY_URL at another file"


@contextmanager
def explained(path: Path, *, wait: float) -> Iterator[None]:
    """Turn what SQLite and the file system say about `path` into a sentence.

    Raises:
        MemoryStoreError: instead of `sqlite3.Error` and `OSError`.
    """
    try:
        yield
    except sqlite3.Error as error:
        # Errors of Python's own module (a closed connection, say) have no SQLite name.
        name = getattr(error, "sqlite_errorname", None) or ""
        form = next((text for start, text in SENTENCES.items() if name.startswith(start)), OTHERWISE)
        sentence = form.format(path=path, wait=wait, error=error)
        raise MemoryStoreError(sentence, url=f"sqlite:///{path}") from error
    except UnicodeEncodeError as error:
        sentence = f"the memory {path} takes no id or agent with half of a surrogate pair: {error.object!a:.80}"
        raise MemoryStoreError(sentence, url=f"sqlite:///{path}") from error
    except OSError as error:
        sentence = OTHERWISE.format(path=path, error=error.strerror or error)
        raise MemoryStoreError(sentence, url=f"sqlite:///{path}") from error


def connect(path: Path, *, wait: float) -> sqlite3.Connection:
    """Open the file at `path`, creating it for this user alone; nothing is written to one that exists.

    Args:
        path: where; missing folders are made.
        wait: seconds to wait for other processes.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Only ever a file that is new: closing a descriptor of one that SQLite has open would drop SQLite's locks.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    if path.is_dir():
        raise IsADirectoryError(0, "it is a folder, not a file", str(path))
    if not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(0, "this user may not read and write it", str(path))
    # Transactions are begun by name (isolation_level), and threads take turns by the memory's lock.
    return sqlite3.connect(path, timeout=wait, isolation_level=None, check_same_thread=False)


def configure(connection: sqlite3.Connection, *, wait: float) -> None:
    """Readers beside one writer, every commit on the disk before it is reported, references kept."""
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -16000")
    _use_wal(connection, until=time.monotonic() + wait)


def _use_wal(connection: sqlite3.Connection, *, until: float) -> None:
    # Two processes that meet at a new file: SQLite refuses the second at once, without waiting as it does elsewhere.
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything inside is stored, or nothing. Holds the one place for writers from its beginning."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.rollback()


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything inside is read as of one moment, whatever others write meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.rollback()
