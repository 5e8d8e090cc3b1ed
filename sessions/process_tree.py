"""Ends everything an agent started, however it tried to get away.

Three things are looked at. Every process that an agent starts inherits a variable that names the run, so that it is
found wherever it went, by any process of the same user and also after a crash. Descendants of such a process belong to
it even if they cleaned their environment. And on Linux this process takes in its descendants' orphans, so that one
which forked twice and cleaned its environment turns up as a child that nobody here started.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable

import psutil

from sessions.errors import RunnerError

#: The variable that names the run in the environment of everything its agent starts.
MARKER = "SESSIONS_RUN_ID"
_PR_SET_CHILD_SUBREAPER = 36
_KILL_SECONDS = 5.0
_REAP_SECONDS = 0.3
_LOOK_SECONDS = 0.02


def adopt_orphans() -> frozenset[int]:
    """Become the parent of all orphans among this process's descendants, where the system can do that.

    Returns the ids of the children there are: what comes on top of them, and is not of our own session, is an orphan.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    return frozenset(child.pid for child in psutil.Process().children())


def end_processes(run_id: str, *, grace_seconds: float = 2.0, children_before: frozenset[int] | None = None) -> int:
    """End all that the run's agent started: politely, after `grace_seconds` by force; returns when nothing is left.

    Args:
        run_id: the value of the marker.
        grace_seconds: between SIGTERM and SIGKILL.
        children_before: what `adopt_orphans` returned before the agent started; None in a process that did not start
            it, which then ends what carries the marker and the descendants of that.

    Returns:
        How many there were.

    Raises:
        RunnerError: something is left even so; the sentence has the process ids.
    """
    hunt = _Hunt(run_id, children_before)
    hunt.run(signal.SIGTERM, grace_seconds)
    hunt.run(signal.SIGKILL, _KILL_SECONDS)
    if children_before is not None:
        _reap(children_before)
    if left := hunt.look():
        pids = ", ".join(str(process.pid) for process in left)
        raise RunnerError(f"the agent's processes {pids} could not be ended; end them by hand")
    return len(hunt.seen)


class _Hunt:
    """Remembers what it has seen: a process whose parent has died cannot be recognised as its child any more."""

    def __init__(self, run_id: str, children_before: frozenset[int] | None) -> None:
        self.seen: set[psutil.Process] = set()
        self._run_id = run_id
        self._children_before = children_before
        self._spared = frozenset({os.getpid(), *(parent.pid for parent in psutil.Process().parents())})

    def run(self, signum: signal.Signals, seconds: float) -> None:
        """Send `signum` once to everything there is and to all that comes while it ends, for so long at most."""
        told: set[psutil.Process] = set()
        give_up = time.monotonic() + seconds
        while alive := self.look():
            for process in set(alive) - told:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signum)
            told.update(alive)
            if time.monotonic() >= give_up:
                return
            time.sleep(_LOOK_SECONDS)

    def look(self) -> list[psutil.Process]:
        """Everything of the run that is alive now."""
        everything = list(psutil.process_iter(["ppid"]))
        roots = [process for process in everything if process in self.seen or self._is_root(process)]
        found = _with_descendants(roots, everything)
        self.seen.update(process for process in found if process.pid not in self._spared and _is_alive(process))
        return [process for process in self.seen if _is_alive(process)]

    def _is_root(self, process: psutil.Process) -> bool:
        if process.pid in self._spared:
            return False
        marker = _marker_of(process)
        return marker == self._run_id or (marker is None and self._is_orphan(process))

    def _is_orphan(self, process: psutil.Process) -> bool:
        """Whether it is a child that this process did not start: its own ones are of its own session."""
        if self._children_before is None or process.info["ppid"] != os.getpid():
            return False
        return process.pid not in self._children_before and not _is_of_our_session(process.pid)


def _with_descendants(roots: Iterable[psutil.Process], everything: list[psutil.Process]) -> list[psutil.Process]:
    children: dict[int, list[psutil.Process]] = {}
    for process in everything:
        children.setdefault(process.info["ppid"], []).append(process)
    found: dict[int, psutil.Process] = {}
    waiting = list(roots)
    while waiting:
        process = waiting.pop()
        if process.pid not in found:
            found[process.pid] = process
            waiting += children.get(process.pid, [])
    return list(found.values())


def _marker_of(process: psutil.Process) -> str | None:
    """The run that started it; None if there is none, or it is not ours to know."""
    try:
        environment: dict[str, str] = process.environ()
    except (psutil.Error, OSError):
        return None
    return environment.get(MARKER)


def _is_alive(process: psutil.Process) -> bool:
    """A zombie is not: it holds nothing but its exit status."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _is_of_our_session(pid: int) -> bool:
    try:
        return os.getsid(pid) == os.getsid(0)
    except OSError:
        return True


def _reap(children_before: frozenset[int]) -> None:
    """Take the exit status of dead orphans, which nobody else waits for; who has children of its own takes theirs."""
    give_up = time.monotonic() + _REAP_SECONDS
    while (dead := _dead_orphans(children_before)) and time.monotonic() < give_up:
        time.sleep(_LOOK_SECONDS)
    for pid in dead:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _dead_orphans(children_before: frozenset[int]) -> list[int]:
    return [
        child.pid
        for child in psutil.Process().children()
        if child.pid not in children_before and not _is_alive(child) and not _is_of_our_session(child.pid)
    ]
