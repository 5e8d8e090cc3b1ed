"""Processes that die in the middle of a write, and processes that write at the same time."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from sessions.memory.index import learned
from sessions.memory.sqlite import SqliteMemory
from sessions.memory.words import words_of_agent
from tests.fakes.observations import an_entry, an_observation

BATCH = 4

# Dies before the statement that begins so, in the middle of the transaction of the second batch.
DIE_BEFORE = """
import os, signal, sys
from pathlib import Path
from sessions.memory.sqlite import SqliteMemory
from tests.fakes.observations import an_entry, an_observation

def die(statement):
    if statement.lstrip().startswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

memory = SqliteMemory(Path(sys.argv[1]))
memory.remember([an_observation(n) for n in range(4)], an_entry(0))
memory._connection.set_trace_callback(die)
memory.remember([an_observation(n) for n in range(4, 8)], an_entry(1))
"""

# Writes batches of four until it is stopped, and says each one that was stored.
WRITE_ON = """
import sys
from pathlib import Path
from sessions.memory.sqlite import SqliteMemory
from tests.fakes.observations import an_entry, an_observation

name, batches = sys.argv[2], int(sys.argv[3])
with SqliteMemory(Path(sys.argv[1])) as memory:
    for batch in range(batches):
        ids = [f"{name}-{batch}-{n}" for n in range(4)]
        memory.remember([an_observation(batch, id=one) for one in ids], an_entry(batch, id=f"{name}-{batch}"))
        print(batch, flush=True)
"""


def started(script: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finished(process: "subprocess.Popen[str]") -> tuple[int, list[str]]:
    out, _ = process.communicate(timeout=120)
    return process.returncode, out.splitlines()


def assert_in_step(memory: SqliteMemory) -> None:
    """Each observation is in every index, and nothing else is."""
    count = memory.count(agent="main")
    connection = memory._connection
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    words = words_of_agent("main")
    connection.execute(f"INSERT INTO {words} ({words}) VALUES ('integrity-check')")  # noqa: S608
    assert connection.execute(f"SELECT count(*) FROM {words}_docsize").fetchone() == (count,)  # noqa: S608
    assert connection.execute("SELECT count(*), max(slot) + 1 FROM observations").fetchone() == (count, count)
    assert learned(connection, "main") == count
    assert connection.execute("SELECT max(documents) FROM tokens").fetchone() == (count,)
    found = memory.recall(agent="main", query="observation number", limit=count)
    assert len(found) == count
    lengths = [float((row**2).sum()) for block in memory._vectors["main"]._blocks for row in block]
    assert lengths[:count] == pytest.approx([1.0] * count, abs=1e-3)
    assert sum(lengths[count:]) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO words",
        "INSERT INTO tokens",
        "SELECT seq FROM vectors",
        "INSERT INTO changes",
        "INSERT INTO transitions",
        "COMMIT",
    ],
)
def test_a_process_killed_in_mid_write_leaves_all_of_the_batch_or_none(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "m"
    code, _ = finished(started(DIE_BEFORE, path, statement))
    assert code == -signal.SIGKILL
    with SqliteMemory(path) as memory:
        assert [entry.id for entry in memory.journal(agent="main")] == ["run-0"]
        assert memory.count(agent="main") == BATCH
        again = memory.remember([an_observation(n) for n in range(8)], an_entry(1))
        assert again.added == ("o4", "o5", "o6", "o7")
        assert_in_step(memory)


def test_what_was_reported_as_stored_survives_a_kill_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "m"
    reported: set[str] = set()
    for turn in range(4):
        process = started(WRITE_ON, path, f"turn{turn}", 100_000)
        assert process.stdout
        process.stdout.readline()
        time.sleep(0.05 + 0.03 * turn)
        process.kill()
        code, lines = finished(process)
        assert code == -signal.SIGKILL
        reported |= {f"turn{turn}-{batch}" for batch in range(len(lines) + 1)}
    with SqliteMemory(path) as memory:
        entries = {entry.id for entry in memory.journal(agent="main", limit=100_000)}
        assert reported <= entries
        assert memory.count(agent="main") == BATCH * len(entries)
        assert_in_step(memory)


def test_two_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "m"
    both = [started(WRITE_ON, path, name, 40) for name in ("one", "two")]
    assert [finished(process) for process in both] == [(0, [str(batch) for batch in range(40)])] * 2
    with SqliteMemory(path) as memory:
        assert memory.count(agent="main") == 2 * 40 * BATCH
        assert_in_step(memory)


def test_two_processes_that_store_the_same_store_it_once(tmp_path: Path) -> None:
    path = tmp_path / "m"
    both = [started(WRITE_ON, path, "same", 20) for _ in range(2)]
    assert [finished(process)[0] for process in both] == [0, 0]
    with SqliteMemory(path) as memory:
        assert memory.count(agent="main") == 20 * BATCH
        assert_in_step(memory)


def test_many_processes_may_meet_at_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    for place in ("a", "b"):
        crowd = [started(WRITE_ON, tmp_path / place, name, 1) for name in "123456"]
        assert [finished(process) for process in crowd] == [(0, ["0"])] * 6


def test_opening_waits_for_another_process_that_is_just_making_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.3, other.rollback).start()
        began = time.monotonic()
        SqliteMemory(path, wait_seconds=20).close()
        assert time.monotonic() - began >= 0.25


def test_a_reader_is_not_stopped_by_a_writer(tmp_path: Path) -> None:
    with SqliteMemory(tmp_path / "m", wait_seconds=0) as reader, SqliteMemory(tmp_path / "m") as writer:
        writer.remember([an_observation(1)], an_entry(1))
        writer._connection.execute("BEGIN IMMEDIATE")
        assert len(reader.recall(agent="main", query="observation")) == 1
        writer._connection.execute("ROLLBACK")
