"""A server that was away longer than a run may be silent: those that live go on, those that died are crashed."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State, StateType

from deployments.automations import zombie_automation
from deployments.hearing import GAP, SETTLED
from tests.e2e.test_zombies import SHORTEST_SILENCE_SECONDS, beat, only_for, taken_by_a_worker
from tests.fakes.mortal_stack import MortalStack, open_mortal_stack
from tests.fakes.stack import a_definition

#: Longer than the silence, and than the gap that a server notices.
ABSENT_SECONDS = max(SHORTEST_SILENCE_SECONDS, GAP.total_seconds()) + 3


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalStack]:
    with open_mortal_stack(tmp_path_factory.mktemp("outage")) as opened:
        opened.start_server()
        yield opened


def down(mortal: MortalStack) -> None:
    mortal.kill_server()
    time.sleep(ABSENT_SECONDS)
    mortal.start_server()


def asleep(mortal: MortalStack) -> None:
    """As the server of a machine that is put to sleep."""
    mortal.server.suspend()
    time.sleep(ABSENT_SECONDS)
    mortal.server.resume()


@pytest.mark.parametrize("absence", [down, asleep])
async def test_a_run_that_lives_is_not_crashed_for_what_the_server_could_not_hear(
    mortal: MortalStack, absence: Callable[[MortalStack], None]
) -> None:
    kinds = [f"{what}-{absence.__name__}" for what in ("lives", "dies")]
    living, dead = await mortal.deploy(*[a_definition(kind, agent=kind) for kind in kinds])
    async with mortal.client() as client:
        runs = [await client.create_flow_run_from_deployment(session) for session in (living, dead)]
        silent_soon = zombie_automation(SHORTEST_SILENCE_SECONDS)
        await client.create_automation(only_for([run.id for run in runs], silent_soon))
        await asyncio.sleep(1)
        for run in runs:
            await taken_by_a_worker(client, run.id)
            await client.set_flow_run_state(run.id, State(type=StateType.RUNNING))
            await beat(client, run, "scheduled-session")
        await asyncio.sleep(1)
    absence(mortal)
    async with mortal.client() as client:
        beating = asyncio.create_task(beat_on(client, runs[0]))
        crashed = await asyncio.to_thread(mortal.wait_for, runs[1].id, is_crashed, 40)
        assert "died" in (crashed.state.message or "" if crashed.state else "")
        await asyncio.sleep(SHORTEST_SILENCE_SECONDS / 2)
        assert (await client.read_flow_run(runs[0].id)).state_type is StateType.RUNNING
        beating.cancel()


async def test_a_run_whose_events_died_with_the_server_is_crashed_all_the_same(mortal: MortalStack) -> None:
    (session,) = await mortal.deploy(a_definition("lost", agent="lost"))
    async with mortal.client() as client:
        run = await client.create_flow_run_from_deployment(session)
        await client.create_automation(only_for([run.id], zombie_automation(SHORTEST_SILENCE_SECONDS)))
        await taken_by_a_worker(client, run.id)
        await asyncio.sleep(1)
    mortal.kill_server()
    # As if it had been killed before it wrote down that the run is watched.
    with contextlib.closing(sqlite3.connect(mortal.home / "prefect" / "prefect.db")) as database:
        database.execute("DELETE FROM automation_bucket")
        database.commit()
    await asyncio.sleep(SETTLED.total_seconds())
    mortal.start_server()
    await asyncio.to_thread(mortal.wait_for, run.id, is_crashed, 60)


def is_crashed(run: FlowRun) -> bool:
    return run.state_type is StateType.CRASHED


async def beat_on(client: PrefectClient, run: FlowRun) -> None:
    """Beats as a run does, but faster, as the silence is a ninth: every 30 s is every 3 s, and none at once."""
    while True:
        await asyncio.sleep(SHORTEST_SILENCE_SECONDS * 0.6)
        await beat(client, run, "scheduled-session")
