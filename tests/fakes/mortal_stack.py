"""A Prefect of a test's own whose server and worker can be killed, each alone, and started again where they were."""

import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psutil
from prefect.client.orchestration import PrefectClient, SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import JsonValue

from deployments.apply import apply_definitions
from deployments.automations import ensure_automations
from deployments.definitions import Definition
from deployments.local_stack import api_url, free_port, run_server, run_worker
from sessions.offline import open_offline_model
from sessions.offline.running import OfflineModel
from tests.fakes.obedient import obedient_script
from tests.fakes.stack import CHECKOUT, environment_of_runs

LOOK_SECONDS = 0.1


@dataclass
class MortalStack:
    """Where everything is, and the processes that are up."""

    home: Path
    root: Path
    port: int
    model: OfflineModel
    _parts: ExitStack
    _server: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _worker: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return api_url(self.port)

    @property
    def server(self) -> psutil.Process:
        return psutil.Process(self._server[-1].pid)

    def start_server(self) -> None:
        self._server.append(self._parts.enter_context(run_server(self.home, self.port)))

    def start_worker(self) -> None:
        environment = environment_of_runs(self.home, self.model)
        worker = run_worker(self.home, self.url, cwd=self.root, environment=environment)
        self._worker.append(self._parts.enter_context(worker))

    def kill_server(self) -> None:
        _kill(self._server.pop().pid)

    def kill_worker(self) -> None:
        """Kill the worker alone: the processes of its runs live on."""
        _kill(self._worker.pop().pid)

    def kill_worker_with_its_runs(self) -> None:
        worker = self._worker.pop()
        # The worker last, which else would say what became of its runs.
        for process in [*psutil.Process(worker.pid).children(recursive=True), psutil.Process(worker.pid)]:
            process.suspend()
        for pid in [worker.pid, *(child.pid for child in psutil.Process(worker.pid).children(recursive=True))]:
            _kill(pid)

    def run_processes(self) -> list[psutil.Process]:
        """The processes below the worker: those of runs, and what they started."""
        return psutil.Process(self._worker[-1].pid).children(recursive=True)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[PrefectClient]:
        with temporary_settings({PREFECT_API_URL: self.url}):
            async with get_client() as client:
                yield client

    async def deploy(self, *definitions: Definition) -> list[UUID]:
        """Bring definitions and the automations to the server; returns the deployments' ids."""
        async with self.client() as client:
            await ensure_automations(client)
            applied = await apply_definitions(list(definitions), client=client, root=self.root)
        return [item.deployment_id for item in applied]

    def trigger(self, deployment_id: UUID, **parameters: JsonValue) -> UUID:
        with SyncPrefectClient(self.url) as client:
            return client.create_flow_run_from_deployment(deployment_id, parameters=parameters).id

    def wait_for(self, run_id: UUID, holds: Callable[[FlowRun], bool], seconds: float = 45.0) -> FlowRun:
        """Wait for what happens in other processes; returns the run as it is then."""
        give_up = time.monotonic() + seconds
        with SyncPrefectClient(self.url) as client:
            while not holds(run := client.read_flow_run(run_id)):
                assert time.monotonic() < give_up, f"it did not happen in time; the run is {run.state}"
                time.sleep(LOOK_SECONDS)
        return run

    def wait_for_agent(self, words: str, seconds: float = 30.0) -> None:
        """Wait until an agent has asked the model something that holds `words`."""
        give_up = time.monotonic() + seconds
        while not any(words in str(request.body) for request in self.model.requests):
            assert time.monotonic() < give_up, "no agent asked in time"
            time.sleep(LOOK_SECONDS)


def _kill(pid: int) -> None:
    process = psutil.Process(pid)
    process.kill()
    process.wait(10)


@contextmanager
def open_mortal_stack(folder: Path) -> Iterator[MortalStack]:
    """A home, a root and a model for a stack in `folder`, with nothing started; what is up at the end is stopped."""
    root = folder / "root"
    root.mkdir()
    (root / "flows").symlink_to(CHECKOUT / "flows")
    with open_offline_model(obedient_script()) as model, ExitStack() as parts:
        yield MortalStack(folder / "home", root, free_port(), model, parts)
