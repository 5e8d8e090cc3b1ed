import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from sessions.process_tree import MARKER, adopt_orphans, end_processes

LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans to a chosen process")
QUICK_SECONDS = 0.5
#: Forks twice and leaves its session, like a daemon; the first word is put before the last fork's program.
DAEMON = "setsid sh -c '{clean} sh -c \"echo \\$\\$ > {file}; exec sleep 300\" &'"


@pytest.fixture
def run_id() -> str:
    return str(uuid4())


@pytest.fixture
def start(run_id: str) -> Iterator[Callable[..., psutil.Process]]:
    """Starts a shell command as an agent of `run_id` would; whatever a test leaves of it ends with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start_one(command: str, marker: str = run_id, *, own_session: bool = True) -> psutil.Process:
        environment = {"PATH": os.environ["PATH"], **({MARKER: marker} if marker else {})}
        process = subprocess.Popen(["/bin/sh", "-c", command], env=environment, start_new_session=own_session)
        started.append(process)
        return psutil.Process(process.pid)

    yield start_one
    for process in started:
        process.kill()
        process.wait()


def pid_in(file: Path) -> int:
    give_up = time.monotonic() + 10
    while not (file.exists() and file.read_text().strip()):
        assert time.monotonic() < give_up, f"nothing was written to {file}"
        time.sleep(0.01)
    return int(file.read_text())


def runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_process_that_forked_twice_and_left_its_session_is_ended(
    start: Callable[..., psutil.Process], run_id: str, tmp_path: Path
) -> None:
    start(DAEMON.format(clean="", file=tmp_path / "pid")).wait()
    daemon = pid_in(tmp_path / "pid")
    assert runs(daemon)
    assert end_processes(run_id, grace_seconds=QUICK_SECONDS) == 1
    assert not runs(daemon)


def test_a_descendant_with_a_cleaned_environment_is_ended_with_its_parent(
    start: Callable[..., psutil.Process], run_id: str, tmp_path: Path
) -> None:
    start(f"env -i /bin/sh -c 'echo $$ > {tmp_path / 'pid'}; exec /bin/sleep 300' & wait")
    child = pid_in(tmp_path / "pid")
    assert end_processes(run_id, grace_seconds=QUICK_SECONDS) == 2
    assert not runs(child)


@LINUX_ONLY
@pytest.mark.parametrize("clean", ['env -i PATH="$PATH"', f"{MARKER}=", f"{MARKER}=another"])
def test_an_orphan_that_hides_whose_it_is_is_ended_by_the_process_that_adopted_it(
    start: Callable[..., psutil.Process], run_id: str, tmp_path: Path, clean: str
) -> None:
    adopt_orphans(run_id)
    start(DAEMON.format(clean=clean, file=tmp_path / "pid")).wait()
    orphan = pid_in(tmp_path / "pid")
    assert psutil.Process(orphan).ppid() == os.getpid()
    assert end_processes(run_id, grace_seconds=QUICK_SECONDS) == 1
    assert not psutil.pid_exists(orphan)


@LINUX_ONLY
def test_an_orphan_that_may_be_another_runs_ends_with_the_last_run_of_this_process(
    start: Callable[..., psutil.Process], run_id: str, tmp_path: Path
) -> None:
    adopt_orphans(run_id)
    start(DAEMON.format(clean='env -i PATH="$PATH"', file=tmp_path / "pid")).wait()
    orphan = pid_in(tmp_path / "pid")
    adopt_orphans("another")
    assert end_processes(run_id, grace_seconds=QUICK_SECONDS) == 0
    assert runs(orphan)
    assert end_processes("another", grace_seconds=QUICK_SECONDS) == 1
    assert not runs(orphan)


def test_what_ignores_the_polite_signal_is_ended_by_force(
    start: Callable[..., psutil.Process], run_id: str, tmp_path: Path
) -> None:
    stubborn = start(f"trap '' TERM; echo $$ > {tmp_path / 'pid'}; while :; do sleep 1; done")
    pid_in(tmp_path / "pid")
    assert end_processes(run_id, grace_seconds=QUICK_SECONDS) >= 1
    assert not runs(stubborn.pid)


def test_what_ends_politely_may_clean_up(start: Callable[..., psutil.Process], run_id: str, tmp_path: Path) -> None:
    trap = f"trap 'echo cleaned > {tmp_path / 'said'}; exit 0' TERM"
    start(f"{trap}; echo $$ > {tmp_path / 'pid'}; while :; do sleep 0.05; done")
    pid_in(tmp_path / "pid")
    end_processes(run_id)
    assert (tmp_path / "said").read_text() == "cleaned\n"


def test_processes_of_another_run_and_of_no_run_are_left_alone(
    start: Callable[..., psutil.Process], run_id: str
) -> None:
    adopt_orphans(run_id)
    adopt_orphans("another")
    others = [start("exec sleep 300", marker="another"), start("exec sleep 300", marker="", own_session=False)]
    assert end_processes(run_id, grace_seconds=QUICK_SECONDS) == 0
    assert all(runs(other.pid) for other in others)
    assert end_processes("another", grace_seconds=QUICK_SECONDS) == 1
    assert [runs(other.pid) for other in others] == [False, True]


def test_children_from_before_the_agent_are_left_alone(start: Callable[..., psutil.Process], run_id: str) -> None:
    earlier = start("exec sleep 300", marker="")
    adopt_orphans(run_id)
    assert end_processes(run_id, grace_seconds=QUICK_SECONDS) == 0
    assert runs(earlier.pid)


def test_whoever_ends_a_run_spares_itself_and_its_parents(run_id: str) -> None:
    """As when an agent itself uses the command that cleans up after its own run."""
    code = f"from sessions.process_tree import end_processes; print(end_processes({run_id!r}, grace_seconds=0.2))"
    marked = {**os.environ, MARKER: run_id}
    inner = f'{sys.executable} -c "{code}"; echo still here'
    done = subprocess.run(["/bin/sh", "-c", inner], env=marked, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split("\n")[:2] == ["0", "still here"]


def test_another_process_can_clean_up_after_one_that_was_killed(run_id: str, tmp_path: Path) -> None:
    daemon = DAEMON.format(clean="", file=tmp_path / "pid")
    flow = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, time; subprocess.Popen({daemon!r}, shell=True); time.sleep(300)"],
        env={**os.environ, MARKER: run_id},
    )
    left = pid_in(tmp_path / "pid")
    flow.send_signal(signal.SIGKILL)
    flow.wait()
    assert runs(left)
    assert end_processes(run_id, grace_seconds=QUICK_SECONDS) >= 1
    assert not runs(left)


@LINUX_ONLY
def test_dead_orphans_do_not_stay_as_zombies(start: Callable[..., psutil.Process], run_id: str, tmp_path: Path) -> None:
    adopt_orphans(run_id)
    start(f"setsid sh -c 'sh -c \"echo \\$\\$ > {tmp_path / 'pid'}; sleep 0.2\" &'").wait()
    pid = pid_in(tmp_path / "pid")
    give_up = time.monotonic() + 5
    while runs(pid):
        assert time.monotonic() < give_up
        time.sleep(0.02)
    end_processes(run_id)
    assert not psutil.pid_exists(pid)
