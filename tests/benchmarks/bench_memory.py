"""How fast the memory answers: in a process that has just opened it, and warm. Milliseconds, made-up observations."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np

from sessions.memory import open_memory
from sessions.memory.base import Observation, Source

SIZES = (1_000, 10_000)
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
static_table().embed(static_table().tokenize("warm"))
loaded = time.perf_counter()
with open_memory(sys.argv[1]) as memory:
    assert memory.recall(agent="main", query=sys.argv[2])
print((loaded - began) * 1000, (time.perf_counter() - loaded) * 1000)
"""


def measure() -> dict[str, float]:
    """Milliseconds: the table's load, and for each size the first recall of a process and the median warm one."""
    with tempfile.TemporaryDirectory() as folder:
        parts = [_measure_size(f"sqlite:///{Path(folder).resolve() / str(size)}.sqlite3", size) for size in SIZES]
    return {name: round(value, 2) for part in parts for name, value in part.items()}


def _measure_size(url: str, size: int) -> dict[str, float]:
    with open_memory(url) as memory:
        began = time.perf_counter()
        memory.remember(list(_observations(size)))
        stored = (time.perf_counter() - began) * 1000
    table, first = _in_a_new_process(url)
    with open_memory(url) as memory:
        warm = [_timed(lambda query=query: memory.recall(agent="main", query=query)) for query in QUERIES * 10]
    return {
        "memory_table_load_ms": table,
        f"memory_{size}_remember_each_ms": stored / size,
        f"memory_{size}_open_and_first_recall_ms": first,
        f"memory_{size}_warm_recall_ms": median(warm),
    }


def _in_a_new_process(url: str) -> Sequence[float]:
    command = [sys.executable, "-c", FIRST_RECALL, url, QUERIES[0]]
    out = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    return [float(number) for number in out.split()]


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
