"""Removes all that one agent knows from a memory file."""

import sqlite3

from sessions.memory.base import Forgotten


def forget_agent(connection: sqlite3.Connection, agent: str) -> Forgotten:
    """Remove the agent's observations and its log. Call it in a transaction.

    Its slots stay counted and its vectors become zeros: another process may have the old ones in memory, and must not
    take them for those of what is learned next.
    """
    connection.execute(
        "INSERT INTO words (words, rowid, text, quote, context) "
        "SELECT 'delete', seq, text, quote, context FROM observations WHERE agent = ?",
        (agent,),
    )
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
    # Until its parts are merged, the word index keeps the words of what was deleted.
    connection.execute("INSERT INTO words (words) VALUES ('optimize')")
    return Forgotten(observations=observations, entries=entries, changes=changes)
