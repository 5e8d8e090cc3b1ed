"""On a disk that is really full, what is stored stays, and room that comes back is used."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sessions.errors import MemoryStoreError
from sessions.memory.sqlite import SqliteMemory
from tests.fakes.changes import a_change
from tests.fakes.embedders import LetterEmbedder
from tests.fakes.observations import an_entry, an_observation


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB; only root may have one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"this user may mount no disk: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", place], check=True, timeout=30)


def give_room(place: Path, megabytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", place], check=True, timeout=30)


def fill(memory: SqliteMemory) -> int:
    """Write until nothing more is taken; how many lots were."""
    for lot in range(1000):
        try:
            memory.remember([an_observation(lot * 10 + n, f"Word {lot} " * 300) for n in range(10)], an_entry(lot))
        except MemoryStoreError as error:
            assert "full" in str(error)  # noqa: PT017 - which write it is that fails is not known
            return lot
    pytest.fail("the disk never got full")


def test_a_full_disk_keeps_all_that_was_stored_and_takes_more_when_there_is_room(small_disk: Path) -> None:
    with SqliteMemory(small_disk / "m") as memory:
        lots = fill(memory)
        assert lots > 0
        assert memory.count(agent="main") == 10 * lots
        assert len(memory.recall(agent="main", query="word 3")) == 10
    give_room(small_disk, 16)
    with SqliteMemory(small_disk / "m") as memory:
        assert memory.count(agent="main") == 10 * lots
        assert len(memory.journal(agent="main", limit=1000)) == lots
        assert memory._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        again = memory.remember([an_observation(lots * 10 + n) for n in range(10)], an_entry(lots))
        assert len(again.added) == 10


@pytest.mark.parametrize(
    "act",
    [
        lambda memory: memory.apply([a_change("revert", 5000, run="owner", reverted="run-1")]),
        lambda memory: memory.reindex(LetterEmbedder()),
        lambda memory: memory.forget(agent="main"),
    ],
    ids=["taking back", "reindexing", "forgetting"],
)
def test_what_a_full_disk_does_not_let_happen_does_not_happen_by_half(
    small_disk: Path, act: Callable[[SqliteMemory], object]
) -> None:
    with SqliteMemory(small_disk / "m") as memory:
        lots = fill(memory)
        with pytest.raises(MemoryStoreError, match="full"):
            act(memory)
        assert memory.count(agent="main") == 10 * lots
        assert len(memory.recall(agent="main", query="word 3")) == 10
        give_room(small_disk, 32)
        act(memory)
        assert memory._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
