from datetime import UTC, datetime
from pathlib import Path

import pytest
from prefect.client.schemas.responses import DeploymentResponse
from pydantic import JsonValue

from deployments.changes import SessionUpdate
from deployments.suspension import suspend_session
from deployments.update import NOT_DEPLOYED, SERVER_ONLY, Updated, update_session
from sessions.errors import SpecError
from sessions.settings import Settings
from tests.deployments.definition_files import GOOD, changed, write_definition_file, write_repository
from tests.fakes.house import POOL_WITHOUT_WORKER, House

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class AtServer:
    """A session of a house, defined in its root or not, and updated on the stack's server."""

    def __init__(self, house: House) -> None:
        self.house = house
        write_repository(house.root)

    def define(self, text: str = GOOD) -> Path:
        text = changed("name: sessions", f"name: {POOL_WITHOUT_WORKER}", text)
        return write_definition_file(self.house.root, changed("name: nightly", f"name: {self.house.session}", text))

    async def update(self, **fields: JsonValue) -> Updated:
        asked = SessionUpdate.model_validate(fields)
        async with self.house.client() as client:
            return await update_session(
                self.house.session, asked, client=client, settings=Settings(), root=self.house.root, now=NOW
            )

    async def deployed(self) -> DeploymentResponse:
        async with self.house.client() as client:
            return await client.read_deployment_by_name(f"scheduled-session/{self.house.session}")


@pytest.fixture
def at_server(house: House) -> AtServer:
    return AtServer(house)


async def test_what_is_written_is_deployed_too_and_stays_suspended(house: House, at_server: AtServer) -> None:
    await house.deploy()
    path = at_server.define()
    async with house.client() as client:
        await suspend_session(client, house.session)

    updated = await at_server.update(cron="30 4 * * *", name="Night", parameters={"temperature": 0.1})

    deployment = await at_server.deployed()
    assert (updated.files, updated.deployed, updated.note) == ([path], True, "")
    assert deployment.schedules[0].schedule.cron == "30 4 * * *"
    assert not deployment.schedules[0].active
    assert deployment.tags == ["display-name:Night"]
    assert deployment.parameters["temperature"] == 0.1


async def test_a_definition_that_nobody_deployed_is_written_alone(at_server: AtServer) -> None:
    at_server.define()
    updated = await at_server.update(description="New.")
    assert (updated.deployed, updated.note) == (False, NOT_DEPLOYED)


async def test_a_definition_is_put_back_when_it_cannot_be_deployed(house: House, at_server: AtServer) -> None:
    await house.deploy()
    path = at_server.define()
    before = path.read_bytes()
    (house.root / "flows").unlink()
    with pytest.raises(SpecError, match="cannot be loaded"):
        await at_server.update(description="New.")
    assert path.read_bytes() == before


async def test_a_session_without_a_definition_is_changed_on_the_server_alone(house: House, at_server: AtServer) -> None:
    await house.deploy(max_turns=7, temperature=0.3)
    before = await at_server.deployed()

    updated = await at_server.update(
        every="6h",
        description="New.",
        name="Night",
        parameters={"temperature": 0.1, "max_turns": None},
        prompt="Say hi.",
    )

    after = await at_server.deployed()
    assert (updated.files, updated.deployed) == ([], True)
    assert updated.note.startswith(f"{SERVER_ONLY}; Europe/Berlin is taken out: ")
    assert (after.description, after.tags) == ("New.", ["display-name:Night"])
    assert after.parameters == {
        "prompt": "Say hi.",
        "runner": "anthropic",
        "allowed_tools": ["Bash"],
        "temperature": 0.1,
    }
    assert after.schedules[0].schedule.interval.total_seconds() == 6 * 3600
    assert after.schedules[0].schedule.timezone == "UTC"
    assert (after.schedules[0].slug, after.schedules[0].active) == ("nightly", True)
    kept = ("entrypoint", "pull_steps", "work_pool_name", "global_concurrency_limit", "concurrency_options", "version")
    assert {field: getattr(after, field) for field in kept} == {field: getattr(before, field) for field in kept}


async def test_on_the_server_alone_a_wrong_value_changes_nothing_either(house: House, at_server: AtServer) -> None:
    await house.deploy()
    before = await at_server.deployed()
    with pytest.raises(SpecError, match="0 to 1") as refused:
        await at_server.update(description="New.", parameters={"temperature": 1.5})
    assert refused.value.field == "parameters"
    after = await at_server.deployed()
    assert (after.description, after.parameters) == (before.description, before.parameters)


async def test_the_next_slot_of_a_changed_schedule_is_there_at_once(house: House, at_server: AtServer) -> None:
    await house.deploy()
    await at_server.update(cron="0 11 * * *", timezone="UTC")
    async with house.client() as client:
        deployment = await at_server.deployed()
        runs = await client.get_scheduled_flow_runs_for_deployments([deployment.id])
    assert {run.next_scheduled_start_time.hour for run in runs if run.next_scheduled_start_time} == {11}


async def test_a_session_that_nobody_knows_is_said(at_server: AtServer) -> None:
    with pytest.raises(SpecError, match="neither on the server nor in deployments/"):
        await at_server.update(description="New.")
