"""Runs one command for an agent: confined in time and output, and ended with all it started."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel

GRACE_SECONDS = 0.5
OUTPUT_BYTES = 30_000


class Command(BaseModel, frozen=True):
    """What to run: `environment` is all that it sees of this process's."""

    argv: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]
    timeout_seconds: float
    output_bytes: int = OUTPUT_BYTES


class CommandEnd(BaseModel, frozen=True):
    """What came of it. `exit_code` is None if it was ended because its time was up."""

    output: str
    exit_code: int | None


class _Output(asyncio.Protocol):
    """Keeps the head and the tail of what arrives, and counts the rest."""

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0
        self.closed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        room = self._half - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        surplus = len(self._tail) - self._half
        if surplus > 0:
            del self._tail[:surplus]
            self._left_out += surplus

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.closed.set()

    def text(self) -> str:
        """What was kept, as text; a note stands where something is missing."""
        head, tail = (bytes(part).decode(errors="replace") for part in (self._head, self._tail))
        return f"{head}\n[… {self._left_out} bytes left out …]\n{tail}" if self._left_out else head + tail


async def run_command(command: Command) -> CommandEnd:
    """Run `command` to its end, or to the end of its time; its whole process group ends with it either way.

    Raises:
        OSError: the program or the folder is not there.
        asyncio.CancelledError: passed on once the process group has ended.
    """
    output = _Output(command.output_bytes)
    async with _started(command, output) as process:
        try:
            exit_code = await asyncio.wait_for(process.wait(), command.timeout_seconds)
        except TimeoutError:
            exit_code = None
    return CommandEnd(output=output.text(), exit_code=exit_code)


@contextlib.asynccontextmanager
async def _started(command: Command, output: _Output) -> AsyncIterator[asyncio.subprocess.Process]:
    """The running command; on leaving, its process group ends and what it wrote is in `output`.

    The pipe is ours and not asyncio's: `Process.wait` would wait for everyone who holds asyncio's open, such as a
    server that the command left in the background.
    """
    read_fd, write_fd = os.pipe()
    with os.fdopen(read_fd, "rb") as reader, os.fdopen(write_fd, "wb") as writer:
        # Before there is a process: a cancellation in between would leave it to itself.
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: output, reader)
        with contextlib.closing(transport):
            process = await _spawn_whole(command, writer)
            try:
                yield process
            finally:
                await _end_group(process)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(output.closed.wait(), GRACE_SECONDS)


async def _spawn_whole(command: Command, writer: BinaryIO) -> asyncio.subprocess.Process:
    """Start it; who is cancelled meanwhile waits until there is a process group to end, and ends it."""
    spawning = asyncio.create_task(_spawn(command, writer))
    try:
        return await asyncio.shield(spawning)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):
            await _end_group(await spawning)
        raise


async def _spawn(command: Command, writer: BinaryIO) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command.argv,
            cwd=command.cwd,
            env=dict(command.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            start_new_session=True,
        )
    finally:
        writer.close()


async def _end_group(process: asyncio.subprocess.Process) -> None:
    _signal_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), GRACE_SECONDS)
    _signal_group(process.pid, signal.SIGKILL)
    await process.wait()


def _signal_group(group: int, signum: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signum)
