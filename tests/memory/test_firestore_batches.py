"""Batches that take more than one commit: nobody ever sees a part of one, whenever its process dies."""

import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from unittest.mock import patch

import pytest

from sessions.memory.base import Forgotten
from sessions.memory.changes import identity
from sessions.memory.firestore import FirestoreMemory, Place, batches, statistics
from sessions.memory.firestore.connection import Attempt
from sessions.memory.firestore.writing import folds
from tests.fakes.changes import a_change, a_journal, an_addition
from tests.fakes.firestore_emulator import Emulator, opened
from tests.fakes.observations import an_observation

# Seven observations, their log and their statuses take five commits of this size.
SMALL = 30_000
BATCH = [an_addition(n, f"The kestrel number {n} came back") for n in range(7)] + [
    a_change("fade", 8, observation="o0", reason="old"),
    a_change("supersede", 9, observation="before", successor="o1"),
    a_journal(10),
]
BEFORE = an_addition(0, "The kestrel is gone", id="before")


class Died(BaseException):
    """The process is killed here; nothing catches that."""


def dying(after: int) -> Callable[[Attempt], object]:
    """Commits that write, so many of them; then the process dies."""
    commit, left = Attempt._commit, [after]

    def counted(attempt: Attempt) -> object:
        if not attempt._read_only:
            if not left[0]:
                raise Died
            left[0] -= 1
        return commit(attempt)

    return counted


def seen(memory: FirestoreMemory) -> tuple[int, int, dict[str, str]]:
    """What a reader sees: how much is in the log and active, and the statuses."""
    found = memory.observations([f"o{n}" for n in range(7)] + ["before"])
    return len(list(memory.changes())), memory.count(agent="main"), {item.id: item.status for item in found}


NOTHING_OF_IT = (1, 1, {"before": "active"})
ALL_OF_IT = (
    11,
    6,
    {"before": "superseded", "o0": "faded", **{f"o{n}": "active" for n in range(1, 7)}},
)


@pytest.mark.parametrize("commits", range(16))
def test_a_large_batch_is_there_as_a_whole_or_not_at_all_whenever_its_process_dies(
    firestore_emulator: Emulator, commits: int
) -> None:
    place = firestore_emulator.place()
    with patch.object(batches, "MAX_COMMIT", SMALL), opened(place) as memory:
        memory.apply([BEFORE])
        try:
            with patch.object(Attempt, "_commit", dying(commits)):
                memory.apply(BATCH)
        except Died:
            pass
        else:
            assert commits > 8
        with opened(place) as reader:
            assert seen(reader) in (NOTHING_OF_IT, ALL_OF_IT)
            again = reader.apply(BATCH)
            assert len(again.new) + len(again.known) == len(BATCH)
            assert seen(reader) == ALL_OF_IT
            assert len(reader.recall(agent="main", query="kestrel came back")) == 6
            assert [change.id for change in reader.changes()] == [BEFORE.id, *(change.id for change in BATCH)]
            assert list(reader._rooms.pending.stream()) == []


@pytest.mark.parametrize("commits", range(4))
def test_an_agent_is_forgotten_as_a_whole_or_not_at_all_whenever_the_process_dies(
    firestore_emulator: Emulator, commits: int
) -> None:
    place = firestore_emulator.place()
    with opened(place) as memory:
        memory.apply([BEFORE, *BATCH])
        memory.apply([an_addition(1, "Its own", id="its", agent="scout")])
        with pytest.raises(Died), patch.object(Attempt, "_commit", dying(commits)):
            memory.forget(agent="main")
    with opened(place) as reader:
        assert seen(reader) in ((12, *ALL_OF_IT[1:]), (1, 0, {}))
        reader.forget(agent="main")
        assert seen(reader) == (1, 0, {})
        assert reader.agents() == ["scout"]
        assert reader.apply(BATCH).new == tuple(change.id for change in BATCH if change.op != "supersede")
        assert reader.recall(agent="scout", query="own")[0].id == "its"


KILLED = """
import os, signal, sys
from sessions.memory.firestore import FirestoreMemory, Place, batches
from sessions.memory.firestore.connection import Attempt
from sessions.memory.firestore.writing import folds
from sessions.memory.firestore.pending import Pending
from tests.memory.test_firestore_batches import BATCH, SMALL

step, commit, steps = Pending._carry_on, Attempt._commit, []
def counted(*args):
    steps.append(1)
    return step(*args)
def deadly(attempt):
    commit(attempt)
    if len(steps) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
Pending._carry_on, Attempt._commit, batches.MAX_COMMIT = counted, deadly, SMALL
FirestoreMemory(Place(*sys.argv[1:])).apply(BATCH)
"""


def test_another_process_finishes_what_a_killed_one_decided(firestore_emulator: Emulator) -> None:
    place = firestore_emulator.place()
    with opened(place) as memory:
        memory.apply([BEFORE])
        killed = subprocess.run([sys.executable, "-c", KILLED, *place], check=False, timeout=60)
        assert killed.returncode == -signal.SIGKILL
        assert seen(memory) == ALL_OF_IT


def test_what_was_put_aside_and_never_decided_is_removed_by_who_opens_the_memory_later(
    firestore_emulator: Emulator,
) -> None:
    place = firestore_emulator.place()
    with patch.object(batches, "MAX_COMMIT", SMALL), opened(place) as memory:
        with pytest.raises(Died), patch.object(Attempt, "_commit", dying(4)):
            memory.apply(BATCH)
        (left,) = memory._rooms.pending.stream()
        memory._pending.sweep()
        assert memory._rooms.pending.document(left.id).get().exists
        memory._pending.sweep(older_than=timedelta(0))
        assert list(memory._rooms.pending.stream()) == []
        assert list(left.reference.collection("parts").stream()) == []


def test_more_than_500_writes_at_once_are_stored_found_taken_back_and_forgotten(firestore_emulator: Emulator) -> None:
    many = [an_addition(n, "Rain", run="run-7", context="", quote="") for n in range(300)]
    with opened(firestore_emulator.place()) as memory:
        assert len(memory.apply(many).new) == 300
        assert memory.count(agent="main") == 300
        assert len(list(memory.changes())) == 300
        memory.apply([a_change("revert", 301, reverted="run-7")])
        assert memory.count(agent="main") == 0
        assert memory.forget(agent="main") == Forgotten(observations=300, changes=301)


def test_statistics_are_the_same_when_they_are_folded(firestore_emulator: Emulator) -> None:
    folding = next(n for n in range(10, 200) if folds(identity("add", f"o{n}")))
    numbers = range(folding - 9, folding + 3)
    with opened(firestore_emulator.place()) as memory, opened(memory.place) as reader:
        for found, number in enumerate(numbers, start=1):
            memory.remember([an_observation(number, f"Deploy {number} of the harbour")])
            assert len(reader.recall(agent="main", query="harbour", limit=99)) == found
        rooms = memory._rooms
        assert len(list(rooms.statistics("main").stream())) == 3
        fresh, kept = (
            reader._pending.read(lambda attempt, known=known: known.refresh(rooms, attempt, "main"))
            for known in (statistics.KnownStatistics(), reader._statistics["main"])
        )
        assert fresh == kept
        assert (fresh.observations, fresh.documents_with("harbour"), fresh.documents_with("none")) == (12, 12, 0)


def test_of_many_who_write_the_same_at_once_one_stores_it(firestore_emulator: Emulator) -> None:
    place = firestore_emulator.place()
    with opened(place) as memory, ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: memory.apply([BEFORE, a_journal(10)]), range(4)))
        assert sorted(len(applied.new) for applied in done) == [0, 0, 0, 2]
        assert sorted(len(applied.known) for applied in done) == [0, 2, 2, 2]
        assert len(list(memory.changes())) == 2


def test_words_that_stand_in_one_observation_alone_are_not_kept_for_ever() -> None:
    many = statistics.MAX_STEMS
    counts = [{f"word{n}": 1} for n in range(many + 10)] + [{"word1": 1}]
    kept = statistics.Statistics.of(counts, [])
    again = statistics.Statistics.model_validate_json(statistics.zlib.decompress(kept.fields()["counts"]))
    assert len(again.stems) == many
    assert again.documents_with("word1") == 2
    assert again.documents_with("never seen") == 1
    assert again.observations == many + 11


def test_a_place_is_written_as_its_url() -> None:
    assert Place("project", "(default)").url == "firestore://project/(default)"
