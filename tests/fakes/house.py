"""Runs the flow in the test's own process, with everything of a run in a folder of the test's own."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import PrefectClient, SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, DeploymentFilterName
from prefect.client.schemas.objects import FlowRun, State
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.flow_engine import run_flow_async
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.utilities.callables import get_call_parameters

from deployments.apply import apply_definitions
from flows.housekeeping import housekeeping
from flows.scheduled_session import scheduled_session
from sessions.memory import open_memory
from sessions.memory.base import JournalEntry, Observation
from sessions.offline import Script, open_offline_model
from sessions.offline.request import ApiRequest, read_request
from sessions.offline.running import OfflineModel
from sessions.run_folder import RunFolder, read_record, runs_folder
from sessions.run_record import RunRecord
from sessions.settings import read_settings
from sessions.transcript import Entry, read_transcript
from tests.fakes.obedient import obedient_script
from tests.fakes.stack import CHECKOUT, a_definition

#: A pool without a worker: its runs are run here.
POOL_WITHOUT_WORKER = "nobody"
LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


@dataclass(frozen=True)
class Ran:
    """One run that is over: its Prefect state, its flow run as the server has it, and its folder."""

    state: State[None]
    flow_run: FlowRun
    log: str
    kept: RunFolder | None

    @property
    def folder(self) -> RunFolder:
        assert self.kept is not None, "the run was refused before it had a folder"
        return self.kept

    @property
    def record(self) -> RunRecord:
        return self.folder.record

    @property
    def report(self) -> str:
        return self.folder.report_path.read_text(encoding="utf-8")

    @property
    def context(self) -> str:
        return self.folder.context_path.read_text(encoding="utf-8")

    @property
    def transcript(self) -> list[Entry]:
        path = self.kept.transcript_path if self.kept else None
        return list(read_transcript(path)) if path and path.exists() else []

    @property
    def said_to_people(self) -> str:
        """Everything of the run that a person reads without asking for it."""
        report = self.report if self.kept and self.kept.report_path.exists() else ""
        return f"{self.state.name}\n{self.state.message}\n{report}\n{self.log}"


class _Lines(logging.Handler):
    """Keeps what is logged, with the traceback that a person would see below it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@dataclass
class House:
    """One test's home, root, model and deployments; open it with `House.opened`."""

    url: str
    home: Path
    root: Path
    model: OfflineModel
    monkeypatch: pytest.MonkeyPatch
    session: str
    _lines: _Lines

    @classmethod
    @contextmanager
    def opened(cls, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["House"]:
        root = folder / "root"
        root.mkdir()
        (root / "flows").symlink_to(CHECKOUT / "flows")
        monkeypatch.chdir(root)
        # Prefect 3.8 leaves the connection of this call open, which is an error here. Drop when it closes it.
        monkeypatch.setattr("prefect.results._read_server_default_result_storage_block_id", lambda: None)
        # Runs that other tests left behind on the same server are not worth a minute of listening.
        monkeypatch.setattr("tasks.silent_runs.LISTEN_SECONDS", 0.1)
        lines = _Lines()
        with open_offline_model(obedient_script()) as model, _listening(lines):
            house = cls(url, folder / "home", root, model, monkeypatch, f"s-{uuid4().hex[:12]}", lines)
            house.set_environment()
            yield house
            house.clear_away()

    def set_environment(self) -> None:
        """The worker's part of the environment, for runs in this process."""
        for name, value in self.environment.items():
            self.monkeypatch.setenv(name, value)

    def clear_away(self) -> None:
        """Take the test's sessions and runs from the server, where every later housekeeping would look at them."""
        mine = DeploymentFilter(name=DeploymentFilterName(like_=self.session))
        with SyncPrefectClient(self.url) as client:
            for run in client.read_flow_runs(deployment_filter=mine):
                client._client.delete(f"/flow_runs/{run.id}")
            for deployment in client.read_deployments(deployment_filter=mine):
                client.delete_deployment(deployment.id)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SESSIONS_HOME": str(self.home),
            "ANTHROPIC_BASE_URL": self.model.base_url,
            "ANTHROPIC_API_KEY": "sk-of-the-house",
            "GOOGLE_GEMINI_BASE_URL": self.model.base_url,
            "GEMINI_API_KEY": "gk-of-the-house",
            "SESSIONS_MODEL_RETRIES": "0",
            "SESSIONS_DELIVERY_RETRY_SECONDS": "0",
        }

    @contextmanager
    def answering(self, script: Script) -> Iterator[OfflineModel]:
        """Another model for the runs inside the block."""
        with open_offline_model(script) as model:
            self._lead_to(model)
            yield model
            self._lead_to(self.model)

    def _lead_to(self, model: OfflineModel) -> None:
        for name in ("ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL"):
            self.monkeypatch.setenv(name, model.base_url)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[PrefectClient]:
        """A client of the stack's server."""
        with temporary_settings({PREFECT_API_URL: self.url}):
            async with get_client() as client:
                yield client

    async def deploy(self, name: str = "", **parameters: Any) -> str:  # noqa: ANN401 - parameters of a session
        """Deploy a session that no worker runs; returns its name."""
        definition = a_definition(name or self.session, pool=POOL_WITHOUT_WORKER, **parameters)
        async with self.client() as client:
            await apply_definitions([definition], client=client, root=self.root)
        return definition.name

    async def ask_for(self, *, session: str = "", **parameters: Any) -> UUID:  # noqa: ANN401
        """A run that a person asked for, not begun."""
        async with self.client() as client:
            deployment = await self._deployed(client, session or self.session)
            return (await client.create_flow_run_from_deployment(deployment.id, parameters=parameters)).id

    async def miss_a_slot(self, *, session: str = "") -> UUID:
        """A run that the schedule made for a moment one to two days ago, not begun."""
        async with self.client() as client:
            deployment = await self._deployed(client, session or self.session)
            await schedule_in_the_past(client, deployment.id)
            runs = await client.read_flow_runs(
                deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
                sort=FlowRunSort.EXPECTED_START_TIME_ASC,
                limit=1,
            )
        return runs[0].id

    async def _deployed(self, client: PrefectClient, name: str) -> DeploymentResponse:
        try:
            return await client.read_deployment_by_name(f"scheduled-session/{name}")
        except ObjectNotFound:
            await self.deploy(name)
            return await client.read_deployment_by_name(f"scheduled-session/{name}")

    async def run(self, *, session: str = "", **parameters: Any) -> Ran:  # noqa: ANN401
        """A run that a person asked for, to its end."""
        return await self.finish(await self.ask_for(session=session, **parameters))

    async def finish(self, run_id: UUID) -> Ran:
        """Run what was asked for to its end."""
        self._lines.lines.clear()
        with temporary_settings({PREFECT_API_URL: self.url}):
            state = await run_flow_run(run_id)
        return await self.look_at(run_id, state)

    async def look_at(self, run_id: UUID | str, state: State[None] | None = None) -> Ran:
        """A run as it is now."""
        async with self.client() as client:
            flow_run = await client.read_flow_run(UUID(str(run_id)))
        found = state or flow_run.state
        assert found is not None
        has_folder = (runs_folder(self.home) / str(run_id) / "run.json").exists()
        kept = self.folder(run_id) if has_folder else None
        return Ran(state=found, flow_run=flow_run, log="\n".join(self._lines.lines), kept=kept)

    async def keep_house(self) -> str:
        """Run the housekeeping flow; returns what it says at the end."""
        with temporary_settings({PREFECT_API_URL: self.url}):
            state = await housekeeping(return_state=True)
        assert state.is_completed(), state.message
        return state.message or ""

    def folder(self, run_id: object) -> RunFolder:
        """The folder of a run, with its record as it is on the disk."""
        path = runs_folder(self.home) / str(run_id)
        return RunFolder(path, read_record(path))

    def asked(self, model: OfflineModel | None = None) -> list[ApiRequest]:
        """What agents asked, which the extraction is not."""
        requests = (model or self.model).requests
        return [read_request(request.body) for request in requests if request.body.get("tools")]

    def observations(self, agent: str = "main") -> list[Observation]:
        """All that `agent` knows, newest first."""
        with open_memory(read_settings().memory_address) as memory:
            return memory.latest(agent=agent, limit=1000)

    def journal(self, agent: str = "main") -> list[JournalEntry]:
        """All entries of `agent`, newest first."""
        with open_memory(read_settings().memory_address) as memory:
            return memory.journal(agent=agent, limit=1000)


async def run_flow_run(run_id: UUID) -> State[None]:
    """What the process that a worker starts does with a flow run."""
    async with get_client() as client:
        flow_run = await client.read_flow_run(run_id)
    parameters = get_call_parameters(scheduled_session.fn, (), flow_run.parameters)
    return await run_flow_async(scheduled_session, flow_run=flow_run, parameters=parameters, return_type="state")


async def schedule_in_the_past(client: PrefectClient, deployment_id: UUID) -> None:
    """Have the server make the run of a slot one to two days ago, as it does for slots that come."""
    now = datetime.now(UTC)
    window = {"start_time": (now - timedelta(days=2)).isoformat(), "end_time": (now - timedelta(days=1)).isoformat()}
    answer = await client._client.post(f"/deployments/{deployment_id}/schedule", json={**window, "max_runs": 1})
    answer.raise_for_status()


@contextmanager
def _listening(lines: _Lines) -> Iterator[None]:
    for name in LOGGERS:
        logging.getLogger(name).addHandler(lines)
    try:
        yield
    finally:
        for name in LOGGERS:
            logging.getLogger(name).removeHandler(lines)
