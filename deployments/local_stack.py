"""A whole Prefect on this machine: server, process worker, and the settings that keep a run's slot honest."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
from pydantic import BaseModel, SecretStr, ValidationError, field_serializer

from deployments.server_password import CLIENT_VARIABLE, NO_PASSWORD, SERVER_VARIABLE, told
from sessions.errors import ServerError
from sessions.files import write_private
from tasks.signs_of_life import HEARTBEAT_SECONDS

POOL = "sessions"
LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 4200
START_SECONDS = 60.0
STOP_SECONDS = 10.0
#: How often the worker asks for due runs. Prefect's 10 s would be most of the wait of a triggered run.
WORKER_QUERY_SECONDS = 1


#: Should this process be killed, its server and worker end too, where the system can do that (Linux).
_DIES_WITH_US = ("setpriv", "--pdeathsig", "TERM", "--") if shutil.which("setpriv") else ()


class ServerAddress(BaseModel):
    """Where a Prefect server is, and the password that it asks for if that is not the environment's."""

    api_url: str
    password: SecretStr = NO_PASSWORD

    @field_serializer("password")
    def _kept(self, password: SecretStr) -> str:
        return password.get_secret_value()

    @property
    def ui_url(self) -> str:
        """The Prefect UI."""
        return self.api_url.removesuffix("/api")


class StackAddress(ServerAddress):
    """Where a running local stack is; written to `stack.json` in the home while it runs."""

    pid: int


def server_environment(
    home: Path, port: int, base: Mapping[str, str], password: SecretStr = NO_PASSWORD
) -> dict[str, str]:
    """The environment of the stack's server: its own data folder, durable leases, loopback, no telemetry."""
    return {
        **base,
        **told(password, SERVER_VARIABLE, CLIENT_VARIABLE),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": api_url(port),
        "PREFECT_UI_API_URL": api_url(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
        # Leases in memory die with the server: a healthy run is then killed and a stuck slot skips every later one.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        # Else an automation waits a quarter of an hour for events that never come; see there.
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "deployments.event_order",
        "DO_NOT_TRACK": "1",
    }


def worker_environment(
    home: Path, url: str, base: Mapping[str, str], password: SecretStr = NO_PASSWORD
) -> dict[str, str]:
    """The environment of the stack's worker and of the runs it starts."""
    return {
        **base,
        **told(password, CLIENT_VARIABLE),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": url,
        "SESSIONS_HOME": str(home),
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
        "PREFECT_WORKER_QUERY_SECONDS": str(WORKER_QUERY_SECONDS),
        "DO_NOT_TRACK": "1",
    }


def api_url(port: int) -> str:
    """The API of a server on this machine."""
    return f"http://{LOOPBACK}:{port}/api"


def free_port(preferred: int = 0) -> int:
    """A free port on loopback: `preferred` if it is one, or any.

    Raises:
        ServerError: the preferred one is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, preferred))
        except OSError as error:
            raise ServerError(f"port {preferred} is taken; choose another with --port, or --port 0 for any") from error
        return int(probe.getsockname()[1])


@contextmanager
def run_server(home: Path, port: int, password: SecretStr = NO_PASSWORD) -> Iterator[subprocess.Popen[bytes]]:
    """A Prefect server on loopback while the block runs, which asks for `password` if one is set.

    It is stopped by its process id.

    Raises:
        ServerError: it did not come up; the sentence says where its log is.
    """
    module = "deployments.server_process"
    command = [sys.executable, "-m", module, "server", "start", "--host", LOOPBACK, "--port", str(port)]
    with _child(command, home / "server.log", server_environment(home, port, os.environ, password)) as process:
        _wait_for_server(process, api_url(port), home / "server.log")
        yield process


@contextmanager
def run_worker(
    home: Path,
    url: str,
    *,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    password: SecretStr = NO_PASSWORD,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process worker for the pool `sessions` while the block runs.

    Args:
        home: local state, which the runs use too.
        url: the server's API.
        cwd: the checkout whose definitions it runs.
        environment: what its runs see; this process's own when not given.
        password: what the server asks for.
    """
    name = f"local-{secrets.token_hex(3)}"
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--type", "process", "--name", name]
    seen = worker_environment(home, url, os.environ if environment is None else environment, password)
    with _child(command, home / "worker.log", seen, cwd=cwd) as process:
        yield process


@contextmanager
def _child(
    command: list[str], log: Path, environment: Mapping[str, str], cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        # What the last one said before it died is what a person looks for after it was started again.
        log.replace(log.with_name(f"{log.name}.1"))
    log.touch(mode=0o600)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_DIES_WITH_US, *command],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env=dict(environment),
            cwd=cwd,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        # A worker whose server is gone does not end on SIGTERM.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)


def _wait_for_server(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise ServerError(f"the Prefect server ended at once with code {process.returncode}; see {log}")
        if _healthy(url):
            return
        time.sleep(0.1)
    raise ServerError(f"the Prefect server did not answer within {START_SECONDS:.0f} s; see {log}")


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def ending_in_order() -> Iterator[None]:
    """SIGTERM and the closing of the terminal end the block as Ctrl-C does, so that it can stop what it started."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextmanager
def recorded(home: Path, address: StackAddress) -> Iterator[None]:
    """Write down where the stack is while the block runs, so that other commands find it without PREFECT_API_URL."""
    path = home / "stack.json"
    path.unlink(missing_ok=True)
    write_private(path, address.model_dump_json())
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def find_stack(home: Path) -> StackAddress | None:
    """The stack that runs from this home, if one does."""
    try:
        address = StackAddress.model_validate_json((home / "stack.json").read_bytes())
    except (OSError, ValidationError):
        return None
    return address if _healthy(address.api_url) else None
