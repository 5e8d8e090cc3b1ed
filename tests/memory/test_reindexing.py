"""A memory is embedded anew as a whole, or stays as it was."""

import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from sessions.errors import MemoryStoreError
from sessions.memory.embedder import static_table
from sessions.memory.sqlite import SqliteMemory
from sessions.memory.vectors import BLOCK
from tests.fakes.changes import a_change
from tests.fakes.embedders import LetterEmbedder
from tests.fakes.observations import an_observation

QUESTIONS = ["wet weather, peaks", "zzz qqq", "number 7", "mountain rain"]

DIE_BEFORE = """
import os, signal, sys
from pathlib import Path
from sessions.memory.sqlite import SqliteMemory
from tests.fakes.embedders import LetterEmbedder

def die(statement):
    if statement.startswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

memory = SqliteMemory(Path(sys.argv[1]))
memory._connection.set_trace_callback(die)
memory.reindex(LetterEmbedder(lambda: die("embedding")))
"""


def stocked(path: Path, embedder: LetterEmbedder | None = None) -> SqliteMemory:
    """A memory with things of two agents, with statuses, and with places left empty by forgetting."""
    memory = SqliteMemory(path, embedder=embedder)
    memory.remember([an_observation(n, "Rain in the mountains", agent="scout") for n in range(5000, 5000 + BLOCK + 9)])
    memory.forget(agent="scout")
    memory.remember([an_observation(n, f"Rain number {n} in the mountains") for n in range(300)])
    memory.remember([an_observation(900 + n, f"A shower {n} on the hills", agent="scout") for n in range(9)])
    memory.apply([a_change("fade", 999, observation="o7", reason="old")])
    return memory


def answers(memory: SqliteMemory) -> list[list[str]]:
    return [
        [item.id for item in memory.recall(agent=agent, query=query)]
        for agent in ("main", "scout")
        for query in QUESTIONS
    ]


@pytest.fixture(scope="module")
def by_letters(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """What a memory answers that was built with letters from the beginning."""
    with stocked(tmp_path_factory.mktemp("memory") / "m", LetterEmbedder()) as memory:
        return answers(memory)


def test_afterwards_it_answers_as_if_it_had_been_built_so(tmp_path: Path, by_letters: list[list[str]]) -> None:
    with stocked(tmp_path / "m") as memory:
        by_words = answers(memory)
        assert memory.reindex(LetterEmbedder()) == 309
        assert answers(memory) == by_letters != by_words
    with SqliteMemory(tmp_path / "m", embedder=LetterEmbedder()) as memory:
        assert memory.embedder == "letters 1"
        assert answers(memory) == by_letters
        assert memory.reindex(static_table()) == 309
        assert answers(memory) == by_words
        memory.remember([an_observation(2000, "Sun on the lake")])
        assert memory.recall(agent="main", query="sun lake")[0].id == "o2000"


def test_who_has_it_open_with_the_former_embedder_is_told(tmp_path: Path) -> None:
    with stocked(tmp_path / "m") as other, SqliteMemory(tmp_path / "m") as memory:
        answers(other)
        memory.reindex(LetterEmbedder())
        with pytest.raises(MemoryStoreError, match=r"'letters 1'.*`sessions memory reindex`"):
            answers(other)
        with pytest.raises(MemoryStoreError, match=r"'letters 1'.*`sessions memory reindex`"):
            other.remember([an_observation(2000)])
        assert other.count(agent="main") == 299


def test_what_is_written_meanwhile_is_embedded_too(tmp_path: Path) -> None:
    late = iter([an_observation(n, f"qqq {n}") for n in range(2000, 2003)])
    with stocked(tmp_path / "m") as memory, SqliteMemory(tmp_path / "m") as other:
        assert memory.reindex(LetterEmbedder(lambda: other.remember([*islice(late, 1)]))) == 312
        assert {"o2000", "o2001", "o2002"} <= {item.id for item in memory.recall(agent="main", query="qqq")}


def test_an_embedder_that_fails_half_way_changes_nothing(tmp_path: Path) -> None:
    calls = iter([False, True])

    def fail() -> None:
        if next(calls):
            raise MemoryStoreError("the network is gone", url="")

    with stocked(tmp_path / "m") as memory:
        before = answers(memory)
        with pytest.raises(MemoryStoreError, match="the network"):
            memory.reindex(LetterEmbedder(fail))
        assert memory.embedder == static_table().name
        assert answers(memory) == before


@pytest.mark.parametrize("moment", ["embedding", "DELETE FROM vectors", "INSERT INTO vectors", "COMMIT"])
def test_a_process_killed_on_the_way_leaves_the_memory_as_it_was(tmp_path: Path, moment: str) -> None:
    with stocked(tmp_path / "m") as memory:
        before = answers(memory)
    killed = subprocess.run([sys.executable, "-c", DIE_BEFORE, tmp_path / "m", moment], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    with SqliteMemory(tmp_path / "m") as memory:
        assert memory.embedder == static_table().name
        assert answers(memory) == before


def test_an_empty_memory_can_be_built_with_another_embedder_at_once(tmp_path: Path) -> None:
    with SqliteMemory(tmp_path / "m") as memory:
        assert memory.reindex(LetterEmbedder()) == 0
        memory.remember([an_observation(1)])
        assert memory.embedder == "letters 1"
