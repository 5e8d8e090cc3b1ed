"""SIGKILL of the worker, of the server, and of a worker with its run; an outage over several slots."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.schedules import IntervalSchedule

from deployments.automations import zombie_automation
from deployments.ledger import read_ledger
from sessions.ledger import NO_RUN, RunRow
from sessions.outcome import Outcome
from tests.e2e.scheduling import make_runs
from tests.e2e.test_zombies import SHORTEST_SILENCE_SECONDS, only_for
from tests.fakes.mortal_stack import MortalStack, open_mortal_stack
from tests.fakes.stack import a_definition

SLOW = "RUN: sleep 7; echo green\nSAY: {}"


def is_over(run: object) -> bool:
    state = getattr(run, "state", None)
    return bool(state and state.is_final())


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalStack]:
    with open_mortal_stack(tmp_path_factory.mktemp("mortal")) as opened:
        opened.start_server()
        opened.start_worker()
        yield opened


async def test_a_run_goes_on_when_its_worker_is_killed_alone_and_its_slot_is_free_after_it(mortal: MortalStack) -> None:
    (session,) = await mortal.deploy(a_definition("worker-dies", agent="a"))
    run_id = mortal.trigger(session, prompt=SLOW.format("outlived the worker"))
    mortal.wait_for_agent("outlived the worker")
    mortal.kill_worker()
    ended = mortal.wait_for(run_id, is_over)
    assert (ended.state_name, ended.run_count) == ("Completed", 1)
    mortal.start_worker()
    again = mortal.wait_for(mortal.trigger(session, prompt="SAY: again"), is_over)
    assert again.state_name == "Completed"


async def test_a_run_goes_on_when_the_server_is_killed_and_comes_back_and_its_slot_is_free_after_it(
    mortal: MortalStack,
) -> None:
    (session,) = await mortal.deploy(a_definition("server-dies", agent="b"))
    run_id = mortal.trigger(session, prompt=SLOW.format("outlived the server"))
    mortal.wait_for_agent("outlived the server")
    mortal.kill_server()
    mortal.start_server()
    ended = mortal.wait_for(run_id, is_over)
    assert (ended.state_name, ended.run_count) == ("Completed", 1)
    again = mortal.wait_for(mortal.trigger(session, prompt="SAY: again"), is_over)
    assert again.state_name == "Completed"


async def test_a_run_that_is_killed_with_its_worker_is_crashed_and_its_slot_is_free(mortal: MortalStack) -> None:
    (session,) = await mortal.deploy(a_definition("both-die", agent="c"))
    async with mortal.client() as client:
        later = await client.create_flow_run_from_deployment(session, parameters={"prompt": SLOW.format("both die")})
        await client.create_automation(only_for([later.id], zombie_automation(SHORTEST_SILENCE_SECONDS)))
    mortal.wait_for_agent("both die")
    mortal.kill_worker_with_its_runs()
    ended = mortal.wait_for(later.id, is_over)
    assert ended.state_type is StateType.CRASHED
    mortal.start_worker()
    again = mortal.wait_for(mortal.trigger(session, prompt="SAY: again"), is_over)
    assert again.state_name == "Completed"


async def test_every_slot_of_an_outage_is_missed_and_says_why_with_one_record_each(mortal: MortalStack) -> None:
    every = timedelta(seconds=6)
    (session,) = await mortal.deploy(a_definition("outage", agent="d", starting_deadline_seconds=2))
    async with mortal.client() as client:
        (schedule,) = (await client.read_deployment(session)).schedules
        timing = IntervalSchedule(interval=every, anchor_date=datetime.now(UTC))
        await client.update_deployment_schedule(session, schedule.id, schedule=timing)
        await make_runs(client, session, max_runs=5)
    mortal.kill_worker()
    mortal.kill_server()
    began = datetime.now(UTC)
    await asyncio.sleep(3 * every.total_seconds())
    mortal.start_server()
    back = datetime.now(UTC)
    mortal.start_worker()
    rows = await rows_between(mortal, "outage", began + every, back - timedelta(seconds=2))
    assert len(rows) >= 2
    assert len({row.slot_at for row in rows}) == len(rows)
    assert {row.outcome for row in rows} == {Outcome.MISSED}
    for row in rows:
        assert row.reason == NO_RUN or "after its slot, and the starting deadline is 2 s" in row.reason


async def rows_between(mortal: MortalStack, name: str, begin: datetime, end: datetime) -> list[RunRow]:
    """The rows of the slots in a span of time, once each of their runs is over."""
    give_up = time.monotonic() + 60
    async with mortal.client() as client:
        while True:
            rows = await read_ledger(client, name, now=datetime.now(UTC), days=1)
            ours = [row for row in rows if row.slot_at and begin <= row.slot_at <= end]
            if all(row.ended_at or not row.id for row in ours):
                return ours
            assert time.monotonic() < give_up, ours
            await asyncio.sleep(0.5)
