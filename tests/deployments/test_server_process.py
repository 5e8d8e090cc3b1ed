"""The server's event loop must never be the one that takes apart what a waiting SQLite connection left behind."""

import gc
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from deployments.server_process import collect_in_a_thread

WAIT_SECONDS = 2.0


@pytest.fixture(autouse=True)
def _collector_as_it_was() -> Iterator[None]:
    yield
    gc.enable()


def longest_standstill(path: Path, collector: Callable[[], object]) -> float:
    """Seconds that this thread stood still, making objects, while another waited for the write lock of `path`."""
    holder, waiter = (sqlite3.connect(path, isolation_level=None, check_same_thread=False) for _ in range(2))
    holder.execute("CREATE TABLE t (x)")
    waiter.execute(f"PRAGMA busy_timeout = {WAIT_SECONDS * 1000:.0f}")
    holder.execute("BEGIN IMMEDIATE")
    left_behind: list[object] = [waiter.execute("SELECT ? UNION ALL SELECT 2", (1,))]
    left_behind.append(left_behind)
    del left_behind

    def wait() -> None:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            waiter.execute("INSERT INTO t VALUES (1)")

    given_up = threading.Thread(target=wait)
    given_up.start()
    time.sleep(0.2)
    ticks, kept = [time.monotonic()], [[0]]
    collector()
    while given_up.is_alive():
        kept.append([len(kept)])
        ticks.append(time.monotonic())
    ticks.append(time.monotonic())
    holder.close()
    waiter.close()
    return max(after - before for before, after in pairwise(ticks))


def test_a_thread_that_meets_a_waiting_connections_garbage_stands_still(tmp_path: Path) -> None:
    gc.disable()
    assert longest_standstill(tmp_path / "a.db", gc.enable) > WAIT_SECONDS / 2


def test_with_a_collecting_thread_nobody_else_stands_still(tmp_path: Path) -> None:
    gc.disable()
    ended: list[threading.Event] = []
    try:
        longest = longest_standstill(tmp_path / "a.db", lambda: ended.append(collect_in_a_thread(0.05)))
    finally:
        ended[0].set()
    assert longest < WAIT_SECONDS / 2


def test_the_thread_collects_young_and_old_garbage() -> None:
    class Held:
        gone = 0

        def __del__(self) -> None:
            Held.gone += 1

    gc.collect()
    ended = collect_in_a_thread(0.05, full_every=2)
    try:
        for _ in range(10):
            cycle: list[object] = [Held()]
            cycle.append(cycle)
        del cycle
        until = time.monotonic() + 10
        while Held.gone < 10 and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        ended.set()
    assert Held.gone == 10


def test_it_is_the_prefect_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deployments.server_process", "server", "start", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "Prefect server" in done.stdout
