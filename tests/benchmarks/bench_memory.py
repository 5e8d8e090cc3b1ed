"""How fast the memory answers: in a process that has just opened it, and warm. Milliseconds, made-up observations."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np

from sessions.memory import open_memory
from sessions.memory.base import JournalEntry, Memory, Observation, Source
from sessions.memory.changes import Believe, Change, CloseThread, OpenThread, Strengthen, WriteJournal

SIZES = (1_000, 10_000, 100_000)
#: How many observations a run is taken to leave, beside a journal entry and what it thinks of threads and beliefs.
A_RUN = 10
START = datetime(2026, 1, 1, tzinfo=UTC)
ONSETS, VOWELS, ENDINGS = "bcdfgklmnprstvw", "aeiou", ("", "s", "ed", "ing", "ment")
WORDS = [
    f"{first}{vowel}{second}{other}n{ending}"
    for ending in ENDINGS
    for first in ONSETS
    for vowel in VOWELS
    for second in ONSETS
    for other in VOWELS
]
#: Each a word that is everywhere, common ones and rare ones.
QUERIES = tuple(
    " ".join(WORDS[place] for place in places)
    for places in (
        (0, 25, 70, 150, 400, 1200, 3000, 6000),
        (1, 30, 90, 200, 350, 900, 2500, 7000),
        (2, 40, 80, 250, 500, 1500, 4000, 5000),
    )
)

# The table's own loading is measured apart: it is paid once a process, whatever the store's size.
FIRST_RECALL = """
import sys, time
from sessions.memory import open_memory
from sessions.memory.embedder import static_table
import sessions.memory.sqlite
began = time.perf_counter()
static_table().preload()
loaded = time.perf_counter()
with open_memory(sys.argv[1]) as memory:
    assert memory.recall(agent="main", query=sys.argv[2])
print((loaded - began) * 1000, (time.perf_counter() - loaded) * 1000)
"""
# All that a context is made of, from nothing: the interpreter, the imports, the table, the file.
ALL_READS = """
import sys
from sessions.memory import open_memory
with open_memory(sys.argv[1]) as memory:
    assert memory.recall(agent="main", query=sys.argv[2], limit=12)
    assert memory.latest(agent="main", limit=8)
    assert memory.state(agent="main").open_threads("solo")
    assert memory.journal(agent="main", limit=3)
    assert memory.count(agent="main")
"""


def measure() -> dict[str, float]:
    """Milliseconds: the table's load, and for each size what is written, and read in a new process and warm."""
    with tempfile.TemporaryDirectory() as folder:
        parts = [_measure_size(f"sqlite:///{Path(folder).resolve() / str(size)}.sqlite3", size) for size in SIZES]
    return {name: round(value, 2) for part in parts for name, value in part.items()}


def _measure_size(url: str, size: int) -> dict[str, float]:
    with open_memory(url) as memory:
        stored = _timed(lambda: _fill(memory, size))
    table, first = map(float, _in_a_new_process(FIRST_RECALL, url).split())
    reads = [_timed(lambda: _in_a_new_process(ALL_READS, url)) for _ in range(5)]
    with open_memory(url) as memory:
        warm = [_timed(lambda query=query: memory.recall(agent="main", query=query)) for query in QUERIES * 10]
        past = START + timedelta(minutes=size // 2)
        then = [
            _timed(lambda query=query: memory.recall(agent="main", query=query, as_of=past)) for query in QUERIES * 10
        ]
        state = [_timed(lambda: memory.state(agent="main")) for _ in range(5)]
    return {
        "memory_table_load_ms": table,
        f"memory_{size}_remember_each_ms": stored / size,
        f"memory_{size}_open_and_first_recall_ms": first,
        f"memory_{size}_new_process_to_all_reads_ms": median(reads),
        f"memory_{size}_warm_recall_ms": median(warm),
        f"memory_{size}_warm_recall_as_of_ms": median(then),
        f"memory_{size}_state_ms": median(state),
    }


def _in_a_new_process(script: str, url: str) -> str:
    command = [sys.executable, "-c", script, url, QUERIES[0]]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def _fill(memory: Memory, size: int) -> None:
    """Observations a thousand at a time, and after each lot what its runs thought."""
    observations = _observations(size)
    for lot in range(size // 1000):
        memory.remember(list(islice(observations, 1000)))
        memory.apply([change for run in range(1000 // A_RUN) for change in _thoughts(lot * 1000 // A_RUN + run)])


def _thoughts(run: int) -> Iterator[Change]:
    """What one run thinks: every second thread is closed again by the run after it."""
    by = {"agent": "main", "run": f"run-{run}", "at": START + timedelta(minutes=run * A_RUN)}
    entry = JournalEntry(
        id=f"run-{run}", agent="main", session="nightly", at=by["at"], theme=WORDS[run], built=QUERIES[0]
    )
    yield WriteJournal(id=f"journal-{run}", entry=entry, **by)
    yield OpenThread(id=f"open-{run}", thread=f"t{run}", tag="solo", text=QUERIES[1], **by)
    if run % 2:
        yield CloseThread(id=f"close-{run}", thread=f"t{run - 1}", reason="done", **by)
    yield Believe(id=f"believe-{run}", belief=f"b{run // 20}", text=QUERIES[2], **by)
    yield Strengthen(id=f"strengthen-{run}", belief=f"b{run // 40}", **by)


def _timed(call: object) -> float:
    began = time.perf_counter()
    call()  # type: ignore[operator]
    return (time.perf_counter() - began) * 1000


def _observations(size: int) -> Iterator[Observation]:
    """Sentences whose words are as unevenly frequent as in a language."""
    dice = np.random.default_rng(7)
    shares = 1 / np.arange(3, len(WORDS) + 3)
    picked = dice.choice(len(WORDS), size=(size, 60), p=shares / shares.sum())
    for number, row in enumerate(picked):
        text, quote, context = (" ".join(WORDS[pick] for pick in part) for part in np.split(row, 3))
        yield Observation(
            id=f"o{number}",
            agent="main",
            text=text,
            quote=quote,
            context=context,
            event_at=START,
            created_at=START + timedelta(minutes=number),
            source=Source(run=f"run-{number // 10}"),
        )


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name:45} {value:8.2f}")
