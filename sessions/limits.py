"""Time limits that bite: an agent runs until it is done or its time is up, and then nothing of it is left."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime

from sessions.errors import RunFolderError, RunnerError
from sessions.models import Model
from sessions.process_tree import adopt_orphans, end_processes
from sessions.runners.base import AgentEnd, AgentRun, AgentTask, Runner, Stop
from sessions.runners.questions import Attendant
from sessions.transcript import Entry, Transcript

#: How long a cancelled runner may take before its processes are ended under it, and once more after that.
RUNNER_GRACE_SECONDS = 2.0
_LONGEST_LOOK_SECONDS = 0.5
_LOOKS_PER_LIMIT = 20


async def supervise(
    runner: Runner,
    task: AgentTask,
    transcript: Transcript,
    *,
    run_id: str,
    timeout_seconds: float,
    inactivity_timeout_seconds: float,
    now: Callable[[], datetime],
    grace_seconds: float = RUNNER_GRACE_SECONDS,
) -> AgentRun:
    """Run the agent within its time, and end every process it started, however this ends.

    Args:
        runner: what drives the model.
        task: what the agent is asked; its environment carries the marker of `run_id`.
        transcript: where the runner writes; it counts the signs of life.
        run_id: the value of the marker.
        timeout_seconds: wall clock; 0 is none.
        inactivity_timeout_seconds: longest time between two signs of life; 0 is for ever.
        now: the clock of the record. The limits are measured by the event loop's own.
        grace_seconds: how long a cancelled runner may take, and then its processes between SIGTERM and SIGKILL.

    Raises:
        RunnerError: the runtime could not be started.
        RunFolderError: the transcript cannot be written.
        asyncio.CancelledError: from outside; the processes are ended all the same.
    """
    started_at = now()
    adopt_orphans(run_id)
    running = asyncio.create_task(runner.run(task, transcript))
    try:
        stop = await _until_done(running, transcript, timeout_seconds, inactivity_timeout_seconds, task.attendant)
    finally:
        # Shielded: a second cancellation must not leave processes behind.
        left = await asyncio.shield(asyncio.create_task(_end(running, run_id, grace_seconds)))
        _note(transcript, left, now())
        _put_back(transcript, now())
    end = running.result() if stop is None else _cut_short(stop, timeout_seconds, inactivity_timeout_seconds)
    return agent_run_from(
        transcript,
        model=task.model,
        agent_session_id=task.agent_session_id,
        started_at=started_at,
        ended_at=now(),
        end=end,
    )


def agent_run_from(
    transcript: Transcript,
    *,
    model: Model | None,
    agent_session_id: str,
    started_at: datetime,
    ended_at: datetime | None = None,
    end: AgentEnd | None = None,
) -> AgentRun:
    """What an agent did, by its transcript.

    Without an `end` the process that ran it was killed: the run is `interrupted`, and what the transcript holds is what
    there is. Without `ended_at` the last entry says when that was. Without a `model` there is no price, and no cost.
    """
    end = end or AgentEnd(stop=Stop.INTERRUPTED, error="the process that ran the agent was ended before the agent was")
    entries = tuple(transcript.entries)
    return AgentRun(
        stop=end.stop,
        final_text=end.final_text or transcript.last_text,
        error=end.error,
        transcript=entries,
        turns=transcript.turns,
        usage=transcript.usage,
        cost_usd=model.cost_usd(*(entry.usage for entry in entries if entry.usage)) if model else 0.0,
        denials=end.denials,
        agent_session_id=agent_session_id,
        started_at=started_at,
        ended_at=ended_at or (entries[-1].at if entries else started_at),
    )


async def _until_done(
    running: asyncio.Task[AgentEnd],
    transcript: Transcript,
    timeout_seconds: float,
    idle_seconds: float,
    attendant: Attendant | None,
) -> Stop | None:
    """Wait for the runner; returns the limit that bit, or None if the runner is done.

    The clock of the limits stands still while a person is waited for.
    """
    clock = _working_clock(attendant)
    started = last_sign = clock()
    heard = transcript.signs
    limits = [seconds for seconds in (timeout_seconds, idle_seconds) if seconds > 0]
    look_seconds = min([_LONGEST_LOOK_SECONDS, *(seconds / _LOOKS_PER_LIMIT for seconds in limits)])
    while not running.done():
        await asyncio.wait({running}, timeout=look_seconds if limits else None)
        if transcript.signs != heard:
            heard, last_sign = transcript.signs, clock()
        if running.done():
            break
        if 0 < timeout_seconds <= clock() - started:
            return Stop.TIMED_OUT
        if 0 < idle_seconds <= clock() - last_sign:
            return Stop.INACTIVE
    return None


def _working_clock(attendant: Attendant | None) -> Callable[[], float]:
    time = asyncio.get_running_loop().time
    return (lambda: time() - attendant.waited_seconds) if attendant else time


async def _end(running: asyncio.Task[AgentEnd], run_id: str, grace_seconds: float) -> str:
    """Cancel the runner if it still runs, then end what is left of its processes; returns what there is to say of them.

    A runner that will not be cancelled loses its processes, and is then left to itself.
    """
    if not running.done():
        running.cancel()
        await asyncio.wait({running}, timeout=grace_seconds)
    try:
        count = await asyncio.to_thread(end_processes, run_id, grace_seconds=grace_seconds)
    except RunnerError as error:
        return str(error)
    finally:
        await asyncio.wait({running}, timeout=grace_seconds)
        running.add_done_callback(_hear_out)
    return f"Ended with the agent, which had left them running: {_counted(count)}." if count else ""


def _counted(count: int) -> str:
    return "one process" if count == 1 else f"{count} processes"


def _hear_out(running: asyncio.Task[AgentEnd]) -> None:
    """Take the result of a runner that nobody waits for, or asyncio complains that nobody did."""
    if not running.cancelled():
        running.exception()


def _cut_short(stop: Stop, timeout_seconds: float, inactivity_timeout_seconds: float) -> AgentEnd:
    if stop is Stop.TIMED_OUT:
        error = f"the agent was ended at its limit of {timeout_seconds:g} s (timeout_seconds)"
    else:
        error = f"the agent was silent for {inactivity_timeout_seconds:g} s (inactivity_timeout_seconds)"
    return AgentEnd(stop=stop, error=error)


def _put_back(transcript: Transcript, at: datetime) -> None:
    """Undo what the agent's programs, which are gone now, did to the record: it is what costs and memory rest on."""
    with contextlib.suppress(RunFolderError):
        if transcript.put_back():
            _note(transcript, "This record was changed from outside meanwhile; it is as it was written again.", at)


def _note(transcript: Transcript, text: str, at: datetime) -> None:
    """A full disk is no reason to lose the run's end: whoever writes next will say so."""
    if text:
        with contextlib.suppress(RunFolderError):
            transcript.append(Entry(kind="note", at=at, turn=transcript.turns, text=text))
