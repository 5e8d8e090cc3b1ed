"""Runs the offline model in a thread of this process."""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import uvicorn

from sessions.errors import ScriptError
from sessions.offline.script import Script, read_script
from sessions.offline.server import CutStreamError, OfflineServer, Recorded

LOOPBACK = "127.0.0.1"
_START_SECONDS = 10.0


class _Server(uvicorn.Server):
    """Stops the moment it is told to: uvicorn's own looks ten times a second, and waits for answers to end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = threading.Event()

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()
        await self.on_tick(0)
        self.serving.set()
        await self._told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in self.servers:
            listener.close()
        for listening in sockets or []:
            listening.close()
        answers = list(self.server_state.tasks)
        for answer in answers:
            answer.cancel()
        await asyncio.gather(*answers, return_exceptions=True)
        for connection in list(self.server_state.connections):
            connection.shutdown()

    def tell(self) -> None:
        """Stop, from another thread."""
        if self.serving.is_set():
            self._loop.call_soon_threadsafe(self._told.set)


class OfflineModel:
    """A running offline model. Use it through `sessions.offline.open_offline_model`."""

    def __init__(self, script: Script, port: int) -> None:
        self._server = OfflineServer(script)
        self._socket = _listen(port)
        self.port: int = self._socket.getsockname()[1]
        logging.getLogger("uvicorn.error").addFilter(_is_unexpected)
        config = uvicorn.Config(
            self._server.app, log_config=None, access_log=False, lifespan="off", ws="none", timeout_keep_alive=30
        )
        self._uvicorn = _Server(config)
        self._thread = threading.Thread(target=self._uvicorn.run, args=([self._socket],), daemon=True)

    @property
    def base_url(self) -> str:
        """The address to give to a client as its base URL."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def requests(self) -> list[Recorded]:
        """Everything asked so far, in order of arrival."""
        with self._server.arrival:
            return list(self._server.requests)

    def wait_for_requests(self, count: int, timeout_seconds: float = 10.0) -> list[Recorded]:
        """Block until `count` requests have come; returns all of them.

        Raises:
            TimeoutError: fewer came in time.
        """
        with self._server.arrival:
            if not self._server.arrival.wait_for(lambda: len(self._server.requests) >= count, timeout_seconds):
                raise TimeoutError(f"{len(self._server.requests)} of {count} requests in {timeout_seconds:g} s")
            return list(self._server.requests)

    def start(self) -> Self:
        """Serve; returns when requests are answered.

        Raises:
            ScriptError: the server does not come up.
        """
        self._thread.start()
        if not self._uvicorn.serving.wait(_START_SECONDS):
            raise ScriptError(f"the offline model did not start on {self.base_url} within {_START_SECONDS:g} s")
        return self

    def stop(self) -> None:
        """Stop at once, also in the middle of an answer."""
        self._uvicorn.tell()
        self._thread.join(timeout=_START_SECONDS)
        self._socket.close()


def _is_unexpected(record: logging.LogRecord) -> bool:
    """Let uvicorn report everything but streams that the script breaks, and answers that `stop` cuts short."""
    return not (record.exc_info and record.exc_info[0] in (CutStreamError, asyncio.CancelledError))


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        raise ScriptError(f"the offline model cannot use port {port}: {error.strerror}; give another") from error
    return listener


@contextlib.contextmanager
def running(script: Path | Script, port: int = 0) -> Iterator[OfflineModel]:
    """An offline model for as long as the block lasts; see `sessions.offline.open_offline_model`."""
    model = OfflineModel(script if isinstance(script, Script) else read_script(script), port)
    try:
        yield model.start()
    finally:
        model.stop()
