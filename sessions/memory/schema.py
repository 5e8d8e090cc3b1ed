"""The memory file's tables, and how an older file becomes a newer one."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from glob import escape
from itertools import count
from pathlib import Path
from typing import NamedTuple

from sessions.errors import MemoryStoreError
from sessions.memory.database import transaction
from sessions.memory.migrations import MIGRATIONS, Migration

#: "Sess", in the file's header: tells a memory from any other SQLite database.
APPLICATION_ID = 0x53657373


class _Header(NamedTuple):
    """What a file says of itself before anything of ours is read."""

    application_id: int
    version: int
    tables: int


def _header(connection: sqlite3.Connection) -> _Header:
    # One statement: another process may just now be making the file.
    row = connection.execute(
        """SELECT a.application_id, v.user_version, (SELECT count(*) FROM sqlite_schema)
        FROM pragma_application_id a, pragma_user_version v"""
    )
    return _Header(*row.fetchone())


def version_of(connection: sqlite3.Connection) -> int:
    """How many migrations the file has had."""
    return _header(connection).version


def require_memory(connection: sqlite3.Connection, path: Path, newest: int = len(MIGRATIONS)) -> None:
    """Read whether the file is a memory, or empty, before anything is written to it.

    Raises:
        MemoryStoreError: another program's database, or a memory of a newer version than this program knows.
    """
    found = _header(connection)
    if found.application_id != APPLICATION_ID and found.tables:
        raise MemoryStoreError(
            f"{path} is another program's database, not a memory; it was left as it is. Point SESSIONS_MEMORY_URL "
            "at another file",
            url=f"sqlite:///{path}",
        )
    if found.version > newest:
        raise MemoryStoreError(
            f"the memory {path} was written by a newer version of this program (format {found.version}, "
            f"known here up to {newest}); upgrade this program; the file was left as it is",
            url=f"sqlite:///{path}",
        )


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> Path | None:
    """Bring the file to the newest version in one transaction; an older memory is copied beside it first.

    Returns:
        Where the copy of the older file is, if there was one.
    """
    if version_of(connection) == len(migrations):
        return None
    with transaction(connection):
        # Another process may have done it while this one waited for the lock.
        version = version_of(connection)
        copy = keep_copy(path, version) if 0 < version < len(migrations) else None
        for step in (step for migration in migrations[version:] for step in migration):
            connection.execute(step) if isinstance(step, str) else step(connection)
        connection.execute(f"PRAGMA user_version = {max(version, len(migrations))}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    return copy


def embedder_of(connection: sqlite3.Connection) -> str:
    """The name of the embedder that the vectors in the file are of; empty where there are none."""
    row = connection.execute("SELECT name FROM embedder WHERE EXISTS (SELECT 1 FROM vectors)").fetchone()
    return str(row[0]) if row else ""


def claim_embedder(connection: sqlite3.Connection, name: str) -> None:
    """Note whose vectors the file is going to hold, which holds none so far. Call it in a transaction."""
    connection.execute("DELETE FROM embedder")
    connection.execute("INSERT INTO embedder VALUES (?)", (name,))


def is_memory(connection: sqlite3.Connection) -> bool:
    """Whether the file is a memory, of whichever version."""
    try:
        return _header(connection).application_id == APPLICATION_ID
    except sqlite3.DatabaseError:
        return False


def copies_of(path: Path) -> list[Path]:
    """The files that are named like copies which `keep_copy` made of the memory at `path`."""
    return sorted(path.parent.glob(f"{escape(path.name)}.v*-copy*"))


def keep_copy(path: Path, version: int) -> Path:
    """Copy the memory beside itself as `NAME.v1-copy` (then `.v1-copy-2`, …), over nothing that is there."""
    names = (f"{path.name}.v{version}-copy" + (f"-{n}" if n > 1 else "") for n in count(1))
    copy = next(place for name in names if not (place := path.with_name(name)).exists())
    partial = copy.with_name(copy.name + ".partial")
    partial.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(partial)) as target:
            source.backup(target)
        os.replace(partial, copy)  # noqa: PTH105 (says that it replaces atomically)
    finally:
        partial.unlink(missing_ok=True)
    return copy
