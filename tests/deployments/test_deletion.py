import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound

from deployments.apply import apply_definitions
from deployments.definitions import load_definitions
from deployments.deletion import CLEANED, NO_HOUSEKEEPING, Deleted, Deletion, delete_session, plan_deletion
from deployments.overview import show_session
from deployments.suspension import resume_session
from sessions.errors import SpecError
from sessions.memory import open_memory
from sessions.memory.base import Forgotten
from sessions.settings import read_settings
from tests.deployments.definition_files import GOOD, changed, write_definition_file, write_repository
from tests.fakes.house import POOL_WITHOUT_WORKER, House, Ran
from tests.fakes.stack import CHECKOUT, Stack, a_definition

PATIENCE_SECONDS = 120


async def delete(house: House, **how: object) -> Deleted:
    async with house.client() as client:
        return await delete_session(
            client,
            house.session,
            Deletion.model_validate(how),
            settings=read_settings(),
            root=house.root,
            now=datetime.now(UTC),
        )


async def is_deployed(house: House, name: str = "") -> bool:
    async with house.client() as client:
        try:
            await client.read_deployment_by_name(f"scheduled-session/{name or house.session}")
        except ObjectNotFound:
            return False
        return True


async def run_or_none(house: House, run_id: UUID) -> FlowRun | None:
    async with house.client() as client:
        try:
            return await client.read_flow_run(run_id)
        except ObjectNotFound:
            return None


def deployment_id(ran: Ran) -> UUID:
    assert ran.flow_run.deployment_id
    return ran.flow_run.deployment_id


def define(house: House, text: str = GOOD) -> Path:
    write_repository(house.root)
    text = changed("name: sessions", f"name: {POOL_WITHOUT_WORKER}", text)
    return write_definition_file(house.root, changed("name: nightly", f"name: {house.session}", text))


@pytest.fixture
async def housekeeping(house: House) -> AsyncIterator[UUID]:
    """Deployed, on a pool that nobody works for."""
    definition = load_definitions(CHECKOUT / "prefect.yaml")[0]
    pool = definition.work_pool.model_copy(update={"name": POOL_WITHOUT_WORKER})
    async with house.client() as client:
        deployed = definition.model_copy(update={"work_pool": pool})
        applied = await apply_definitions([deployed], client, root=CHECKOUT)
        yield applied[0].deployment_id
        await client.delete_deployment(applied[0].deployment_id)


async def test_schedules_and_coming_runs_go_at_once_and_the_history_with_housekeeping(
    house: House, housekeeping: UUID
) -> None:
    ran = await house.run()
    waiting = await house.ask_for()
    async with house.client() as client:
        await resume_session(client, house.session, datetime.now(UTC))
        assert await client.get_scheduled_flow_runs_for_deployments([deployment_id(ran)])

    deleted = await delete(house)

    assert (deleted.history, deleted.cancelled, deleted.left, deleted.note) == (1, [], [], CLEANED)
    assert not await is_deployed(house)
    assert await run_or_none(house, waiting) is None
    async with house.client() as client:
        assert await client.get_scheduled_flow_runs_for_deployments([deployment_id(ran)]) == []
        asked = [run for run in await client.read_flow_runs() if run.deployment_id == housekeeping]
    assert [run.auto_scheduled for run in asked if run.idempotency_key == f"deleted-{deployment_id(ran)}"] == [False]

    await house.keep_house()
    assert await run_or_none(house, ran.flow_run.id) is None
    assert not ran.folder.path.exists()
    async with house.client() as client:
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[ran.flow_run.id]))
        assert await client.read_artifacts(artifact_filter=of_run) == []
    assert len(house.observations()) == 1


async def test_where_no_housekeeping_is_deployed_that_is_said(house: House) -> None:
    await house.deploy()
    assert (await delete(house)).note == NO_HOUSEKEEPING


class AtWork:
    """A session on the stack's worker, with a run whose agent is at work until it is let go."""

    def __init__(self, stack: Stack, name: str, deployment_id: UUID, gate: Path) -> None:
        self.stack = stack
        self.name = name
        self.gate = gate
        wait = f"until test -e {gate}; do sleep 0.2; done"
        with stack.client() as client:
            parameters = {"prompt": f"RUN: echo {name}\nRUN: {wait}\nSAY: over"}
            self.run_id = client.create_flow_run_from_deployment(deployment_id, parameters=parameters).id
        until(lambda: len(stack.asked(f"echo {name}")) == 2)

    def let_it_end(self) -> None:
        self.gate.touch()
        until(lambda: self.state() is StateType.COMPLETED)

    def delete(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self.stack.command("sessions", "delete", self.name, *options, check=False)

    def state(self) -> StateType | None:
        with self.stack.client() as client:
            return client.read_flow_run(self.run_id).state_type

    def observations(self) -> list[str]:
        with open_memory(f"sqlite:///{self.stack.home / 'memory.sqlite3'}") as memory:
            return [item.text for item in memory.latest(agent=self.name)]


def until(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.2)


@pytest.fixture
async def at_work(stack: Stack, house: House, tmp_path: Path) -> AtWork:
    name = f"w-{house.session}"
    async with house.client() as client:
        applied = await apply_definitions([a_definition(name, agent=name)], client, root=stack.root)
    return AtWork(stack, name, applied[0].deployment_id, tmp_path / "gate")


def test_a_run_that_is_at_work_is_cancelled(at_work: AtWork) -> None:
    done = at_work.delete("--yes", "--json")
    assert done.returncode == 0, done.stderr
    deleted = Deleted.model_validate_json(done.stdout)
    assert (len(deleted.cancelled), deleted.left) == (1, [])
    assert at_work.state() is StateType.CANCELLED
    assert at_work.name not in at_work.stack.command("sessions", "list").stdout


async def test_a_run_that_is_at_work_goes_on_where_that_is_asked_for(at_work: AtWork, house: House) -> None:
    done = at_work.delete("--yes", "--running", "leave")
    assert done.returncode == 0, done.stderr
    assert "goes on" in done.stdout
    assert "there is no session" in at_work.stack.command("sessions", "show", at_work.name, check=False).stderr
    await house.keep_house()
    assert at_work.state() is StateType.RUNNING

    at_work.let_it_end()

    assert f"It was {at_work.name}." in at_work.observations()
    await house.keep_house()
    assert not await is_deployed(house, at_work.name)


async def test_a_deleted_session_that_is_deployed_again_is_there_again(at_work: AtWork, house: House) -> None:
    at_work.delete("--yes", "--running", "leave")
    async with house.client() as client:
        await apply_definitions([a_definition(at_work.name)], client, root=at_work.stack.root)
        assert (await show_session(client, at_work.name, datetime.now(UTC))).status == "Active"
    await house.keep_house()
    at_work.let_it_end()
    await house.keep_house()
    assert await is_deployed(house, at_work.name)


def test_what_a_cancelled_run_found_does_not_come_back_after_forgetting(at_work: AtWork) -> None:
    refused = at_work.delete("--yes", "--forget-memory", "--running", "leave")
    assert refused.returncode == 1
    assert "is at work and would remember again" in refused.stderr
    assert at_work.state() is StateType.RUNNING

    done = at_work.delete("--yes", "--forget-memory")

    assert done.returncode == 0, done.stderr
    assert "forgot 0 observations, 0 journal entries" in done.stdout
    assert at_work.state() is StateType.CANCELLED
    assert at_work.stack.folder(at_work.run_id).record.done("closed")
    assert at_work.observations() == []


def test_deleting_asks_first_and_leaves_all_as_it_is_when_the_answer_is_no(house: House, stack: Stack) -> None:
    asyncio.run(house.deploy())
    asked = subprocess.run(
        [Path(sys.executable).with_name("sessions"), "delete", house.session],
        cwd=house.root,
        env=stack.environment | {"PREFECT_API_URL": stack.url},
        input="n\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert asked.returncode == 1
    assert "schedules: 1; runs of history: 0" in asked.stderr
    assert "memory of agent main: kept" in asked.stderr
    assert asyncio.run(is_deployed(house))


async def test_the_memory_is_forgotten_where_that_is_asked_for(house: House) -> None:
    agent = f"a-{house.session}"
    await house.deploy(agent=agent)
    await house.run()
    assert len(house.observations(agent)) == 1
    assert (await delete(house, forget_memory=True)).forgotten == Forgotten(observations=1, entries=1, changes=2)
    assert house.observations(agent) == []
    assert house.journal(agent) == []


async def test_the_memory_of_an_agent_that_another_session_has_is_not_forgotten(house: House) -> None:
    agent = f"a-{house.session}"
    await house.deploy(agent=agent)
    await house.deploy(f"other-{house.session}", agent=agent)
    define(house, changed("      temperature: 0.7\n", f"      agent: {agent}\n"))
    with pytest.raises(SpecError, match=f"is also that of other-{house.session}, which would forget too"):
        await delete(house, forget_memory=True)
    assert await is_deployed(house)


async def test_one_that_is_defined_and_not_deployed_shares_its_agent_too(house: House) -> None:
    agent = f"a-{house.session}"
    await house.deploy(agent=agent)
    path = define(house, changed("      temperature: 0.7\n", f"      agent: {agent}\n"))
    text = path.read_text(encoding="utf-8").replace(f"name: {house.session}", "name: undeployed")
    path.write_text(text, encoding="utf-8")
    async with house.client() as client:
        assert (await plan_deletion(client, house.session, house.root)).shared_with == ["undeployed"]


async def test_a_definition_stays_unless_it_is_asked_for(house: House) -> None:
    await house.deploy()
    path = define(house)
    deleted = await delete(house)
    assert (deleted.definition, deleted.definition_removed) == (path, False)
    assert path.exists()

    with pytest.raises(SpecError, match="is not deployed; to remove its definition"):
        await delete(house)
    assert (await delete(house, with_definition=True)).definition_removed
    assert not path.exists()
    assert (house.root / "deployments" / "prompts" / "nightly.md").exists()
    with pytest.raises(SpecError, match="there is no session"):
        await delete(house, with_definition=True)


async def test_of_a_file_with_several_sessions_only_the_one_that_is_meant_goes(house: House) -> None:
    path = define(house)
    first = path.read_text(encoding="utf-8")
    second = first.partition("deployments:\n")[2].replace(house.session, "second")
    path.write_text(f"# Two.\n{first}  # The second.\n{second}# The end.\n", encoding="utf-8")
    await delete(house, with_definition=True)
    assert path.read_text(encoding="utf-8") == f"# Two.\ndeployments:\n  # The second.\n{second}# The end.\n"


async def test_a_definition_that_is_not_there_cannot_be_removed_and_nothing_is(house: House) -> None:
    await house.deploy()
    with pytest.raises(SpecError, match="there is no definition of"):
        await delete(house, with_definition=True)
    assert await is_deployed(house)
