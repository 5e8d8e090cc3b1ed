"""One run at a time pushes to a repository, also from another machine, which has nothing but the server in common."""

import asyncio
import time
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from prefect.client.orchestration import PrefectClient
from prefect.concurrency.asyncio import concurrency
from prefect.settings import PREFECT_API_URL, temporary_settings

from sessions.outcome import Outcome
from sessions.run_folder import runs_folder
from tasks import one_pusher
from tests.fakes.house import House
from tests.workspace.people import Person, bare_repository, git

CHANGE = "RUN: echo green > door.txt"


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    made = bare_repository(tmp_path / "origin.git")
    Person.cloning(made, tmp_path / "clone").pushes("door.txt", "red\n", "Paint the door")
    return made


def colour(origin: Path) -> str:
    return git(origin, "show", "main:door.txt").strip()


def wait_for_the_agent(house: House, run_id: UUID) -> None:
    """Until the run has remembered what its agent did: its commit is next."""
    give_up = time.monotonic() + 60
    while not (runs_folder(house.home) / str(run_id) / "run.json").exists() or not remembered(house, run_id):
        assert time.monotonic() < give_up, "the agent did not come to an end"
        time.sleep(0.2)


def remembered(house: House, run_id: UUID) -> bool:
    return house.folder(run_id).record.done("remembered")


async def run_while_another_pushes(house: House, origin: Path, *, until_waiting: float) -> str:
    """What is at the source while another holds the repository, and once it does no more; the run's outcome."""
    await house.deploy(repos=[{"url": str(origin), "auto_push": True}])
    run_id = await house.ask_for(prompt=CHANGE)
    name = one_pusher.limit_name(str(origin))
    with temporary_settings({PREFECT_API_URL: house.url}):
        async with house.client() as client:
            await client.upsert_global_concurrency_limit_by_name(name, 1)
        async with concurrency(name):
            running = asyncio.create_task(house.finish(run_id))
            await asyncio.to_thread(wait_for_the_agent, house, run_id)
            await asyncio.sleep(until_waiting)
            meanwhile = colour(origin)
    assert (await running).record.outcome is Outcome.COMPLETED
    return meanwhile


async def test_a_run_waits_with_its_push_while_another_one_pushes(house: House, origin: Path) -> None:
    assert await run_while_another_pushes(house, origin, until_waiting=2) == "red"
    assert colour(origin) == "green"


async def test_who_waited_long_enough_pushes_all_the_same(
    house: House, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_pusher, "WAIT_SECONDS", 0.5)
    assert await run_while_another_pushes(house, origin, until_waiting=10) == "green"


async def test_what_was_pushed_is_told_as_pushed_also_where_the_server_does_not_hear_that_it_was(
    house: House, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_away(_: PrefectClient, lease_id: UUID) -> None:
        raise httpx.ConnectError(f"nobody takes {lease_id} back")

    monkeypatch.setattr(PrefectClient, "release_concurrency_slots_with_lease", is_away)
    await house.deploy(repos=[{"url": str(origin), "auto_push": True}])
    ran = await house.run(prompt=CHANGE)
    assert ran.record.outcome is Outcome.COMPLETED
    assert colour(origin) == "green"
    assert "1 commit pushed to branch main" in ran.report


async def test_runs_that_push_to_a_repository_for_the_first_time_at_once_share_its_limit(house: House) -> None:
    names = ["first-push-of-two"]
    with temporary_settings({PREFECT_API_URL: house.url}):
        await asyncio.gather(*(one_pusher._make_sure_of(names) for _ in range(4)))
        async with house.client() as client:
            assert (await client.read_global_concurrency_limit_by_name(names[0])).limit == 1
