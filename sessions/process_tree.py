"""Ends everything an agent started, however it tried to get away.

Three things are looked at. Every process that an agent starts inherits a variable that names the run, so that it is
found wherever it went, by any process of the same user and also after a crash. Descendants of such a process belong to
it whatever their environment says. And on Linux this process takes in its descendants' orphans, so that one which
forked twice turns up as a child that nobody here started. What such an orphan's variable says does not count: whoever
starts a process gives it the environment that they like. Nobody else's processes come here, since only what descends
from this process is handed to it.
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
#: The runs whose agents this process started and has not ended, each with the children there were before the first.
_at_work: dict[str, frozenset[psutil.Process]] = {}


def adopt_orphans(run_id: str) -> None:
    """Become the parent of all orphans among this process's descendants, where the system can do that.

    Call it before the run's agent starts: what comes on top of the children there are, and is not of our own session,
    is an orphan, and ends with `end_processes`.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    now = frozenset(psutil.Process().children())
    _at_work[run_id] = next(iter(_at_work.values()), now)


def end_processes(run_id: str, *, grace_seconds: float = 2.0) -> int:
    """End all that the run's agent started: politely, after `grace_seconds` by force; returns when nothing is left.

    A process that did not start the agent ends what carries the marker and the descendants of that. One that did ends
    the orphans as well; where it has several agents at work, nobody can tell whose an orphan without the marker is, and
    those end with the last agent.

    Args:
        run_id: the value of the marker.
        grace_seconds: between SIGTERM and SIGKILL.

    Returns:
        How many there were.

    Raises:
        RunnerError: something is left even so; the sentence has the process ids.
    """
    before = _at_work.pop(run_id, None)
    children_before = None if _at_work else before
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

    def __init__(self, run_id: str, children_before: frozenset[psutil.Process] | None) -> None:
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
        return self._is_orphan(process) or _marker_of(process) == self._run_id

    def _is_orphan(self, process: psutil.Process) -> bool:
        """Whether it is a child that this process did not start: its own ones are of its own session."""
        if self._children_before is None or process.info["ppid"] != os.getpid():
            return False
        return process not in self._children_before and not _is_of_our_session(process.pid)


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


def _reap(children_before: frozenset[psutil.Process]) -> None:
    """Take the exit status of dead orphans, which nobody else waits for; who has children of its own takes theirs."""
    give_up = time.monotonic() + _REAP_SECONDS
    while (dead := _dead_orphans(children_before)) and time.monotonic() < give_up:
        time.sleep(_LOOK_SECONDS)
    for pid in dead:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _dead_orphans(children_before: frozenset[psutil.Process]) -> list[int]:
    return [
        child.pid
        for child in psutil.Process().children()
        if child not in children_before and not _is_alive(child) and not _is_of_our_session(child.pid)
    ]
