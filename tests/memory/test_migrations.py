"""A file of an earlier version becomes one of today's: nothing in it is lost, and a copy of it is kept."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sessions.memory.base import additions
from sessions.memory.embedder import static_table
from sessions.memory.migrations import MIGRATIONS
from sessions.memory.rows import moment_cell
from sessions.memory.schema import migrate, version_of
from sessions.memory.sqlite import SqliteMemory
from sessions.memory.things import JournalEntry, Observation
from sessions.memory.vectors import write_vector
from tests.fakes.changes import a_change, minutes
from tests.fakes.observations import an_entry, an_observation

PORT = an_observation(1, "The port is 4200", quote="port 4200", context="Which?\x00 שלום", importance=0.9)
OLD_PORT = an_observation(2, "The port is 4100", status="superseded", event_at="2026-02-01T00:00:00.5+02:00")
SHOWER = an_observation(3, "A shower on the hills", agent="scout")
ENTRIES = [an_entry(1, built="a report", next='ask "x"'), an_entry(2, agent="wanderer")]

DIE_IN_MIGRATION = """
import os, signal, sqlite3, sys
from pathlib import Path
from sessions.memory.schema import migrate

def die(statement):
    if statement.startswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.set_trace_callback(die)
migrate(connection, Path(sys.argv[1]))
"""


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A memory as the first version wrote it."""
    path = tmp_path / "m"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, path, MIGRATIONS[:1])
        connection.execute("INSERT INTO embedder VALUES (?)", (static_table().name,))
        for observation in (PORT, OLD_PORT, SHOWER):
            write_as_first(connection, observation)
        for entry in ENTRIES:
            write_entry_as_first(connection, entry)
    return path


def write_as_first(connection: sqlite3.Connection, item: Observation) -> None:
    connection.execute("INSERT INTO agents VALUES (?, 1) ON CONFLICT DO UPDATE SET observations = 2", (item.agent,))
    (size,) = connection.execute("SELECT observations FROM agents WHERE name = ?", (item.agent,)).fetchone()
    times = (moment_cell(item.event_at), moment_cell(item.created_at))
    texts = (item.text, item.quote, item.context)
    source = (item.source.run, item.source.span, item.source.origin)
    cursor = connection.execute(
        """INSERT INTO observations
        (id, agent, slot, kind, text, quote, context, event_at, created_at, run, span, origin, importance, status)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (item.id, item.agent, size - 1, item.kind, *texts, *times, *source, item.importance, item.status),
    )
    connection.execute(
        "INSERT INTO words (rowid, text, quote, context) VALUES (?, ?, ?, ?)", (cursor.lastrowid, *texts)
    )
    tokens, vector = static_table().embed_texts(["\n".join(filter(None, texts))])[0]
    connection.executemany(
        "INSERT INTO tokens VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET documents = documents + 1",
        ((item.agent, token) for token in set(tokens)),
    )
    write_vector(connection, agent=item.agent, slot=size - 1, vector=vector)


def write_entry_as_first(connection: sqlite3.Connection, entry: JournalEntry) -> None:
    cells = entry.model_dump() | {"at": moment_cell(entry.at)}
    connection.execute(
        f"INSERT INTO journal ({', '.join(cells)}) VALUES ({', '.join('?' * len(cells))})",  # noqa: S608
        tuple(cells.values()),
    )


def test_observations_and_journal_are_there_and_found_as_before(first: Path) -> None:
    with SqliteMemory(first) as memory:
        assert memory.observations(["o1", "o2", "o3"]) == [PORT, OLD_PORT, SHOWER]
        assert memory.latest(agent="main") == [PORT]
        assert memory.recall(agent="main", query="which port") == [PORT]
        assert memory.recall(agent="scout", query="wet weather, peaks") == [SHOWER]
        assert memory.journal(agent="main") == ENTRIES[:1]
        assert memory.agents() == ["main", "scout", "wanderer"]


def test_they_are_changes_now_with_the_ids_that_they_would_have_today(first: Path) -> None:
    with SqliteMemory(first) as memory:
        expected = [*additions([PORT, OLD_PORT, SHOWER], ENTRIES[0]), *additions([], ENTRIES[1])]
        assert list(memory.changes()) == expected
        assert memory.remember([PORT, OLD_PORT], ENTRIES[0]).known == ("o1", "o2")
        assert list(memory.changes()) == expected
        assert [change.id for change in memory.history(observation="o1")] == [expected[0].id]


def test_the_past_of_a_migrated_file_can_be_asked_for_and_its_runs_taken_back(first: Path) -> None:
    with SqliteMemory(first) as memory:
        assert memory.latest(agent="main", as_of=minutes(0.5)) == []
        assert memory.latest(agent="main", as_of=minutes(1)) == [PORT]
        memory.apply([revert := a_change("revert", 9, run="owner", reverted="run-1")])
        assert [item.status for item in memory.observations(["o1", "o2", "o3"])] == ["reverted", "reverted", "active"]
        assert memory.history(observation="o1")[-1] == revert


def test_a_copy_of_the_older_file_is_kept(first: Path) -> None:
    with SqliteMemory(first) as memory:
        copy = memory.migrated_copy
    assert copy == first.with_name("m.v1-copy")
    with closing(sqlite3.connect(copy)) as connection:
        assert version_of(connection) == 1
        assert connection.execute("SELECT count(*) FROM observations").fetchone() == (3,)
        assert connection.execute("SELECT count(*) FROM journal").fetchone() == (2,)
    with SqliteMemory(first) as memory:
        assert memory.migrated_copy is None


def test_a_migrated_file_has_the_tables_of_a_new_one(first: Path, tmp_path: Path) -> None:
    SqliteMemory(first).close()
    with SqliteMemory(tmp_path / "new") as memory:
        memory.remember([PORT, SHOWER])
    assert tables(first) == tables(tmp_path / "new")


def tables(path: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE changes", "INSERT INTO transitions", "DROP TABLE journal", "DROP TABLE words", "COMMIT"],
)
def test_a_process_killed_while_it_migrates_leaves_the_older_file(first: Path, statement: str) -> None:
    killed = subprocess.run([sys.executable, "-c", DIE_IN_MIGRATION, first, statement], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    with closing(sqlite3.connect(first)) as connection:
        assert version_of(connection) == 1
    with SqliteMemory(first) as memory:
        assert memory.latest(agent="main") == [PORT]
        assert len(list(memory.changes())) == 5


def test_an_older_file_for_which_there_is_no_room_is_left_as_it_was(first: Path) -> None:
    before = first.read_bytes()
    script = f"""
import resource
from pathlib import Path
from sessions.errors import MemoryStoreError
from sessions.memory.sqlite import SqliteMemory
resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) // 2}, resource.RLIM_INFINITY))
try:
    SqliteMemory(Path({str(first)!r}))
except MemoryStoreError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert "full" in done.stdout
    with SqliteMemory(first) as memory:
        assert memory.latest(agent="main") == [PORT]


def test_each_agent_has_an_index_of_its_own_words(first: Path) -> None:
    with SqliteMemory(first) as memory:
        found = {agent: memory.recall(agent=agent, query="shower port") for agent in ("main", "scout", "wanderer")}
        assert found == {"main": [PORT], "scout": [SHOWER], "wanderer": []}
        memory.forget(agent="scout")
        assert memory.recall(agent="scout", query="shower") == []
        memory.remember([an_observation(7, "A shower in the night", agent="scout")])
        assert [item.id for item in memory.recall(agent="scout", query="shower")] == ["o7"]


def test_what_is_forgotten_is_gone_from_the_copy_too(first: Path) -> None:
    mine = first.with_name("m.v1-copy-9")
    mine.write_text("The port is mine")
    with SqliteMemory(first) as memory:
        assert memory.migrated_copy
        assert b"4200" in memory.migrated_copy.read_bytes()
        memory.forget(agent="main")
        holding = [path.name for path in first.parent.iterdir() if b"4200" in path.read_bytes()]
        assert holding == []
        with closing(sqlite3.connect(memory.migrated_copy)) as connection:
            assert connection.execute("SELECT id FROM observations").fetchall() == [("o3",)]
            connection.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
            found = connection.execute("SELECT rowid FROM words WHERE words MATCH 'shower'").fetchall()
            assert len(found) == 1
    assert mine.read_text() == "The port is mine"
