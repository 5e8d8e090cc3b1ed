"""The words of one agent's observations in a memory file: an index of its own, so that rare means rare for this agent.

In one index for all, a small agent's rare words were weighed by how often a big one says them.
"""

import sqlite3
from hashlib import sha256


def words_of_agent(agent: str) -> str:
    """The name of the table; any name of an agent makes one that needs no quotes."""
    return f"words_{sha256(agent.encode()).hexdigest()[:16]}"


def make_words(connection: sqlite3.Connection, agent: str) -> str:
    """Make the agent's table where there is none; returns its name.

    It holds no text: the observations do, and nothing is taken out of it one by one.
    """
    table = words_of_agent(agent)
    connection.execute(
        f"CREATE VIRTUAL TABLE IF NOT EXISTS {table} USING fts5 (text, quote, context, content = '', "
        "tokenize = 'porter unicode61 remove_diacritics 2')"
    )
    return table


def forget_words(connection: sqlite3.Connection, agent: str) -> None:
    """Empty the agent's table, if there is one. It stays: another process may be about to search it."""
    table = words_of_agent(agent)
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (table,)).fetchone():
        connection.execute(f"INSERT INTO {table} ({table}) VALUES ('delete-all')")  # noqa: S608 - letters and digits
