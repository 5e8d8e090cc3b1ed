"""Brings the local stack up: server, pool, automation, definitions, worker."""

import asyncio
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from pydantic import BaseModel, SecretStr

from deployments.apply import apply_definitions
from deployments.automations import ensure_automations
from deployments.definitions import Definition
from deployments.local_stack import (
    StackAddress,
    api_url,
    ending_in_order,
    find_stack,
    free_port,
    recorded,
    run_server,
    run_worker,
)
from deployments.prefect_server import prefect_client
from deployments.server import point_prefect_at
from deployments.server_password import NO_PASSWORD
from sessions.errors import ServerError

WATCH_SECONDS = 0.5


class StackOptions(BaseModel, frozen=True, arbitrary_types_allowed=True):
    """What the stack is made of.

    `port` 0 takes any free one. `root` is the checkout whose definitions it runs; `environment` is what runs see;
    `password` is what the server asks for.
    """

    home: Path
    port: int
    root: Path
    definitions: list[Definition]
    environment: Mapping[str, str] | None = None
    password: SecretStr = NO_PASSWORD


class RunningStack(BaseModel, frozen=True, arbitrary_types_allowed=True):
    """A stack that is up: where it is, and its two processes."""

    address: StackAddress
    server: subprocess.Popen[bytes]
    worker: subprocess.Popen[bytes]


@contextmanager
def run_stack(options: StackOptions, say: Callable[[str], None]) -> Iterator[RunningStack]:
    """The whole stack while the block runs. `say` gets a line for each step.

    Raises:
        ServerError: the port is taken, a stack runs from this home already, or the server did not come up.
    """
    if other := find_stack(options.home):
        raise ServerError(f"a stack runs from {options.home} already: {other.ui_url}")
    port = free_port(options.port)
    with ExitStack() as parts:
        parts.enter_context(ending_in_order())
        say("Starting the Prefect server …")
        server = parts.enter_context(run_server(options.home, port, options.password))
        address = StackAddress(api_url=api_url(port), pid=os.getpid(), password=options.password)
        parts.enter_context(point_prefect_at(address))
        parts.enter_context(recorded(options.home, address))
        count = asyncio.run(_prepare(options.definitions, options.root))
        say(f"Deployed {count} definitions; starting the worker …")
        worker = parts.enter_context(_worker_of(options, address))
        yield RunningStack(address=address, server=server, worker=worker)


def _worker_of(options: StackOptions, address: StackAddress) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return run_worker(
        options.home,
        address.api_url,
        cwd=options.root,
        environment=options.environment,
        password=options.password,
    )


async def _prepare(definitions: list[Definition], root: Path) -> int:
    async with prefect_client() as client:
        await ensure_automations(client)
        return len(await apply_definitions(definitions, root=root, client=client))


def wait_until_stopped(stack: RunningStack) -> None:
    """Wait until somebody presses Ctrl-C.

    Raises:
        ServerError: the server or the worker ended by itself.
    """
    while True:
        for name, process in (("server", stack.server), ("worker", stack.worker)):
            if process.poll() is not None:
                raise ServerError(f"the {name} ended with code {process.returncode}; see {name}.log in SESSIONS_HOME")
        time.sleep(WATCH_SECONDS)
