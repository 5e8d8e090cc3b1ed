"""How soon an agent's context is ready in a new process, imports included. Milliseconds, made-up observations."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from sessions.memory import open_memory
from sessions.memory.changes import identity
from tests.benchmarks.bench_memory import QUERIES, START, _fill
from tests.fakes.materials import belief, project, thread, vital

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 5
STATE = 200

READY = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from sessions.run_context import build_context
from sessions.run_record import RunRecord
from sessions.settings import Settings
from sessions.spec import SessionSpec
home, prompt = Path(sys.argv[1]), sys.argv[2]
now = datetime(2026, 6, 1, tzinfo=UTC)
record = RunRecord(run_id="bench", run_name="bench", session="bench", spec=SessionSpec(prompt=prompt), slot_at=now,
                   opened_at=now)
context = build_context(record, prompt=prompt, git=[], settings=Settings(home=home))
assert context.manifest.candidates
"""


def measure() -> dict[str, float]:
    """Milliseconds from the start of a process to its context, the median, for each number of observations."""
    with tempfile.TemporaryDirectory() as folder:
        return {f"context_{size}_ready_ms": _measure_size(Path(folder).resolve() / str(size), size) for size in SIZES}


def _measure_size(home: Path, size: int) -> float:
    home.mkdir()
    with open_memory(f"sqlite:///{home / 'memory.sqlite3'}") as memory:
        # A journal entry and a thread for every ten observations, as runs leave them.
        _fill(memory, size)
        # A year of changes to what the agent holds.
        memory.apply([belief(number, at=START) for number in range(STATE)])
        memory.apply([thread(number, at=START) for number in range(STATE)])
        memory.apply([vital(f"v{number % 9}", identity(str(number)), at=START) for number in range(STATE)])
        memory.apply([project(f"p{number % 9}", identity(str(number)), at=START) for number in range(STATE)])
    return median(_ready(home) for _ in range(ROUNDS))


def _ready(home: Path) -> float:
    command = [sys.executable, "-c", READY, str(home), QUERIES[0]]
    began = time.perf_counter()
    subprocess.run(command, check=True, timeout=60)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name:45} {value:8.2f}")
