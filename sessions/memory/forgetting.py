"""Removes all that one agent knows from a memory file, and from the copies that migrations kept of it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sessions.memory.base import Forgotten
from sessions.memory.database import transaction
from sessions.memory.migrations import OWN_WORDS
from sessions.memory.schema import copies_of, is_memory, version_of
from sessions.memory.words import forget_words


def forget_agent(connection: sqlite3.Connection, agent: str) -> Forgotten:
    """Remove the agent's observations and its log. Call it in a transaction.

    Its slots stay counted and its vectors become zeros: another process may have the old ones in memory, and must not
    take them for those of what is learned next.
    """
    forget_words(connection, agent)
    connection.execute("UPDATE vectors SET data = zeroblob(length(data)) WHERE agent = ?", (agent,))
    connection.execute("DELETE FROM tokens WHERE agent = ?", (agent,))
    for table in ("transitions", "rests"):
        connection.execute(
            f"DELETE FROM {table} WHERE observation IN (SELECT seq FROM observations WHERE agent = ?)",  # noqa: S608
            (agent,),
        )
    observations = connection.execute("DELETE FROM observations WHERE agent = ?", (agent,)).rowcount
    (entries,) = connection.execute(
        "SELECT count(DISTINCT subject) FROM changes WHERE agent = ? AND op = 'write_journal'", (agent,)
    ).fetchone()
    changes = connection.execute("DELETE FROM changes WHERE agent = ?", (agent,)).rowcount
    return Forgotten(observations=observations, entries=entries, changes=changes)


def forget_in_copies(path: Path, agent: str, *, wait: float) -> None:
    """Remove the agent from every copy of an older version of the memory at `path`."""
    for copy in copies_of(path):
        with closing(sqlite3.connect(copy, timeout=wait, isolation_level=None)) as connection:
            if is_memory(connection):
                _forget_in_copy(connection, agent)


def _forget_in_copy(connection: sqlite3.Connection, agent: str) -> None:
    """Whatever the version: the words of its observations, and every row about one of them or of the agent."""
    connection.execute("PRAGMA secure_delete = ON")
    with transaction(connection):
        forget_words(connection, agent)
        if version_of(connection) < OWN_WORDS:
            _forget_common_words(connection, agent)
        for table in _tables_with(connection, "observation"):
            connection.execute(
                f"DELETE FROM {table} WHERE observation IN (SELECT seq FROM observations WHERE agent = ?)",  # noqa: S608
                (agent,),
            )
        for table in _tables_with(connection, "agent"):
            connection.execute(f"DELETE FROM {table} WHERE agent = ?", (agent,))  # noqa: S608
    # What was deleted is overwritten, also where the file had grown around it.
    connection.execute("VACUUM")


def _forget_common_words(connection: sqlite3.Connection, agent: str) -> None:
    connection.execute(
        "INSERT INTO words (words, rowid, text, quote, context) "
        "SELECT 'delete', seq, text, quote, context FROM observations WHERE agent = ?",
        (agent,),
    )
    # Until its parts are merged, the index keeps the words of what was deleted.
    connection.execute("INSERT INTO words (words) VALUES ('optimize')")


def _tables_with(connection: sqlite3.Connection, column: str) -> list[str]:
    rows = connection.execute(
        """SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
        WHERE t.type = 'table' AND t.sql NOT LIKE 'CREATE VIRTUAL%' AND c.name = ?""",
        (column,),
    )
    return [name for (name,) in rows]
