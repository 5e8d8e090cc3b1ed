"""A memory that cannot be used ends in a sentence, and what is stored stays as it is."""

import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sessions.errors import MemoryStoreError
from sessions.memory.database import transaction
from sessions.memory.schema import MIGRATIONS, migrate, version_of
from sessions.memory.sqlite import SqliteMemory
from tests.fakes.observations import an_observation

# Everything is imported before the rights go: the other user may not read this checkout.
OPEN_AS_NOBODY = """
import os, sys
from pathlib import Path
from sessions.errors import MemoryStoreError
from sessions.memory.sqlite import SqliteMemory
if os.getuid() == 0:
    os.setuid(65534)
try:
    SqliteMemory(Path(sys.argv[1]))
except MemoryStoreError as error:
    print(error)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "memory.sqlite3"
    with SqliteMemory(path) as memory:
        memory.remember([an_observation(n) for n in range(20)])
    return path


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach, as pytest's own cannot be."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def refused(path: Path) -> str:
    with pytest.raises(MemoryStoreError) as error:
        SqliteMemory(path, wait_seconds=0.1)
    assert str(path) in str(error.value)
    assert error.value.url == f"sqlite:///{path}"
    return str(error.value)


def test_a_file_that_is_no_database_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary, " * 500)
    assert "no SQLite database" in refused(path)
    assert path.read_text() == "Dear diary, " * 500
    assert list(tmp_path.iterdir()) == [path]


def test_another_programs_database_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "prefect.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE flow_run (id TEXT)")
    before = path.read_bytes()
    assert "another program's database" in refused(path)
    assert path.read_bytes() == before


def test_a_folder_is_not_a_memory(tmp_path: Path) -> None:
    assert "folder" in refused(tmp_path)


def test_a_path_through_a_file_is_refused(path: Path) -> None:
    assert "cannot be used" in refused(path / "memory.sqlite3")


def test_an_empty_file_becomes_a_memory(tmp_path: Path) -> None:
    (tmp_path / "m").touch()
    with SqliteMemory(tmp_path / "m") as memory:
        assert memory.remember([an_observation(1)]).added == ("o1",)


def test_a_newer_file_is_refused_and_left_as_it_was(path: Path) -> None:
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    assert "newer version" in refused(path)
    assert path.read_bytes() == before


def test_a_damaged_file_says_so(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:40960] = b"\xa5" * (40960 - 4096)
    path.write_bytes(content)
    with pytest.raises(MemoryStoreError, match="damaged"), SqliteMemory(path) as memory:
        memory.latest(agent="main")
    assert path.read_bytes() == bytes(content)


def test_a_memory_that_may_not_be_read_or_written_says_so(open_folder: Path) -> None:
    path = open_folder / "memory.sqlite3"
    SqliteMemory(path).close()
    path.chmod(0o444)
    assert "may not read and write it" in opened_as_nobody(path)


def test_a_folder_that_may_not_be_written_says_so(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    assert "Permission denied" in opened_as_nobody(open_folder / "new.sqlite3")


def opened_as_nobody(path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", OPEN_AS_NOBODY, path], check=True, capture_output=True, text=True, timeout=60
    )
    assert str(path) in done.stdout
    return done.stdout


def test_a_write_that_sqlite_refuses_says_who_may_change_that(path: Path) -> None:
    with SqliteMemory(path) as memory:
        memory._connection.execute("PRAGMA query_only = ON")
        with pytest.raises(MemoryStoreError, match="may not be written"):
            memory.remember([an_observation(100)])


def test_a_memory_that_another_process_holds_is_waited_for_and_then_said_so(path: Path) -> None:
    with (
        SqliteMemory(path, wait_seconds=0.2) as memory,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        transaction(other),
    ):
        assert memory.count(agent="main") == 20
        with pytest.raises(MemoryStoreError, match=r"did not let go within 0\.2 s; nothing was stored"):
            memory.remember([an_observation(100)])


def test_a_full_disk_stores_nothing_of_the_write_and_loses_nothing_before_it(path: Path) -> None:
    with SqliteMemory(path) as memory:
        pages = memory._connection.execute("PRAGMA page_count").fetchone()[0]
        memory._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(MemoryStoreError, match="full"):
            memory.remember([an_observation(n, "many words " * 500) for n in range(100, 200)])
        assert memory.count(agent="main") == 20
    assert_whole(path, 20)


def test_a_disk_that_takes_no_more_stores_nothing_of_the_write(path: Path) -> None:
    # The system itself refuses to let the file grow.
    script = f"""
import resource
from pathlib import Path
from sessions.errors import MemoryStoreError
from sessions.memory.sqlite import SqliteMemory
from tests.fakes.observations import an_observation
memory = SqliteMemory(Path({str(path)!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, ({path.stat().st_size}, {resource.RLIM_INFINITY}))
try:
    memory.remember([an_observation(n, "many words " * 5000) for n in range(100, 200)])
except MemoryStoreError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert "failed or is full" in done.stdout
    assert_whole(path, 20)


def assert_whole(path: Path, observations: int) -> None:
    with SqliteMemory(path) as memory:
        assert memory.count(agent="main") == observations
        assert memory._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


NEXT = (*MIGRATIONS, ("ALTER TABLE changes ADD COLUMN mood TEXT NOT NULL DEFAULT ''",))


def test_an_older_file_is_migrated_and_a_copy_of_it_kept(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        copy = migrate(connection, path, NEXT)
        assert version_of(connection) == len(NEXT)
        assert connection.execute("SELECT count(*) FROM observations").fetchone() == (20,)
        assert connection.execute("SELECT DISTINCT mood FROM changes").fetchall() == [("",)]
    assert copy == path.with_name("memory.sqlite3.v3-copy")
    assert_whole(copy, 20)


def test_an_earlier_copy_is_not_overwritten(path: Path) -> None:
    earlier = path.with_name("memory.sqlite3.v3-copy")
    earlier.write_text("mine")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert migrate(connection, path, NEXT) == path.with_name("memory.sqlite3.v3-copy-2")
    assert earlier.read_text() == "mine"


def test_a_migration_that_fails_half_way_changes_nothing(path: Path) -> None:
    broken = (*NEXT, ("DROP TABLE changes", "SELECT nonsense"))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="nonsense"):
            migrate(connection, path, broken)
        assert version_of(connection) == len(MIGRATIONS)
    assert_whole(path, 20)
