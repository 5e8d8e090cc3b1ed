"""The steps from one version of the memory file's tables to the next."""

import sqlite3
from collections.abc import Callable, Sequence

from sessions.memory.base import additions
from sessions.memory.rows import moment_cell
from sessions.memory.things import JournalEntry, Observation, Source
from sessions.memory.words import make_words

#: Statements, and functions that do what a statement cannot, within the same transaction.
Migration = Sequence[str | Callable[[sqlite3.Connection], None]]

_FIRST = (
    # `observations` counts those ever stored: the next slot.
    "CREATE TABLE agents (name TEXT PRIMARY KEY, observations INTEGER NOT NULL DEFAULT 0)",
    # `slot` is the place of its vector among the agent's.
    """CREATE TABLE observations (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        agent TEXT NOT NULL REFERENCES agents (name),
        slot INTEGER NOT NULL,
        kind TEXT NOT NULL,
        text TEXT NOT NULL,
        quote TEXT NOT NULL,
        context TEXT NOT NULL,
        event_at TEXT NOT NULL,
        created_at TEXT NOT NULL,
        run TEXT NOT NULL,
        span TEXT NOT NULL,
        origin TEXT NOT NULL,
        importance REAL NOT NULL,
        status TEXT NOT NULL,
        UNIQUE (agent, slot)
    )""",
    "CREATE INDEX newest_observations ON observations (agent, status, created_at)",
    """CREATE VIRTUAL TABLE words USING fts5 (
        text, quote, context,
        content = 'observations', content_rowid = 'seq', tokenize = 'porter unicode61 remove_diacritics 2'
    )""",
    # In how many of the agent's observations each token of the embedder stands.
    """CREATE TABLE tokens (
        agent TEXT NOT NULL REFERENCES agents (name),
        token INTEGER NOT NULL,
        documents INTEGER NOT NULL,
        PRIMARY KEY (agent, token)
    ) WITHOUT ROWID""",
    # 1,024 vectors of little-endian float32 a row: one row a vector is ten times slower to read.
    """CREATE TABLE vectors (
        seq INTEGER PRIMARY KEY,
        agent TEXT NOT NULL REFERENCES agents (name),
        block INTEGER NOT NULL,
        data BLOB NOT NULL,
        UNIQUE (agent, block)
    )""",
    "CREATE TABLE embedder (name TEXT NOT NULL)",
    """CREATE TABLE journal (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        agent TEXT NOT NULL,
        session TEXT NOT NULL,
        at TEXT NOT NULL,
        theme TEXT NOT NULL,
        built TEXT NOT NULL,
        noticed TEXT NOT NULL,
        changed TEXT NOT NULL,
        assumptions TEXT NOT NULL,
        next TEXT NOT NULL
    )""",
    "CREATE INDEX newest_entries ON journal (agent, at)",
)


def _write_log(connection: sqlite3.Connection) -> None:
    """Say as changes what the first version held: its observations and journal entries."""
    for row in connection.execute(f"SELECT seq, {', '.join(_OBSERVATION)} FROM observations ORDER BY seq"):  # noqa: S608
        cells = dict(zip(_OBSERVATION, row[1:], strict=True))
        source = Source.model_validate({name: cells.pop(name) for name in ("run", "span", "origin")})
        observation = Observation.model_validate({**cells, "source": source})
        change = _log(connection, observation, None, subject=observation.id)
        connection.execute(
            "INSERT INTO transitions SELECT ?, seq, at, ?, '' FROM changes WHERE id = ?",
            (row[0], observation.status, change),
        )
    for row in connection.execute(f"SELECT {', '.join(_ENTRY)} FROM journal ORDER BY seq"):  # noqa: S608
        entry = JournalEntry.model_validate(dict(zip(_ENTRY, row, strict=True)))
        _log(connection, None, entry, subject=entry.id)


def _log(
    connection: sqlite3.Connection, observation: Observation | None, entry: JournalEntry | None, *, subject: str
) -> str:
    (change,) = additions([observation] if observation else [], entry)
    connection.execute("INSERT OR IGNORE INTO agents (name) VALUES (?)", (change.agent,))
    connection.execute(
        "INSERT INTO changes (id, agent, run, op, at, subject, json) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (change.id, change.agent, change.run, change.op, moment_cell(change.at), subject, change.model_dump_json()),
    )
    return change.id


_OBSERVATION = (
    "id",
    "agent",
    "kind",
    "text",
    "quote",
    "context",
    "event_at",
    "created_at",
    "run",
    "span",
    "origin",
    "importance",
    "status",
)
_ENTRY = ("id", "agent", "session", "at", "theme", "built", "noticed", "changed", "assumptions", "next")

_SECOND: Migration = (
    # All that happened, in the order of `seq`. `subject` is what a change is about, by id or name.
    """CREATE TABLE changes (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        agent TEXT NOT NULL REFERENCES agents (name),
        run TEXT NOT NULL,
        op TEXT NOT NULL,
        at TEXT NOT NULL,
        subject TEXT NOT NULL,
        json TEXT NOT NULL
    )""",
    "CREATE INDEX changes_by_op ON changes (agent, op)",
    "CREATE INDEX changes_by_run ON changes (run)",
    "CREATE INDEX changes_by_subject ON changes (subject)",
    # From `at` on the observation has this status; `observations.status` is that of the last change.
    """CREATE TABLE transitions (
        observation INTEGER NOT NULL REFERENCES observations (seq),
        change INTEGER NOT NULL REFERENCES changes (seq),
        at TEXT NOT NULL,
        status TEXT NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (observation, change)
    ) WITHOUT ROWID""",
    # `observation` is derived from the one named `on_id`, or was superseded in favour of it.
    """CREATE TABLE rests (
        on_id TEXT NOT NULL,
        observation INTEGER NOT NULL REFERENCES observations (seq),
        PRIMARY KEY (on_id, observation)
    ) WITHOUT ROWID""",
    "ALTER TABLE observations ADD COLUMN reason TEXT NOT NULL DEFAULT ''",
    # A JSON list of ids.
    "ALTER TABLE observations ADD COLUMN derived_from TEXT NOT NULL DEFAULT '[]'",
    "CREATE INDEX observations_by_age ON observations (agent, created_at)",
    _write_log,
    "DROP TABLE journal",
)


def _give_each_agent_its_words(connection: sqlite3.Connection) -> None:
    for (agent,) in connection.execute("SELECT name FROM agents WHERE observations").fetchall():
        table = make_words(connection, agent)
        connection.execute(
            f"INSERT INTO {table} (rowid, text, quote, context) "  # noqa: S608
            "SELECT seq, text, quote, context FROM observations WHERE agent = ? ORDER BY seq",
            (agent,),
        )


_THIRD: Migration = (_give_each_agent_its_words, "DROP TABLE words")
#: From this version on each agent has an index of words of its own.
OWN_WORDS = 3

#: What leads from one version to the next; a file's `user_version` is how many of them it has had.
#: Append only: a released one never changes.
MIGRATIONS: tuple[Migration, ...] = (_FIRST, _SECOND, _THIRD)
