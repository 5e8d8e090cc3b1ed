"""Never two runs of one session at once, whatever started them."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Scheduled

from deployments.apply import apply_definitions
from deployments.ledger import read_ledger
from sessions.outcome import Outcome
from tasks.run_rows import as_row
from tests.e2e.scheduling import deployed, make_due_every, runs_of
from tests.fakes.driving import until
from tests.fakes.house import House
from tests.fakes.stack import Stack, a_definition

PATIENCE_SECONDS = 45


async def until_state(house: House, run_id: UUID, kind: StateType) -> FlowRun:
    """Wait for what happens in other processes."""
    async with house.client() as client:
        for _ in range(PATIENCE_SECONDS * 10):
            if (run := await client.read_flow_run(run_id)).state_type is kind:
                return run
            await asyncio.sleep(0.1)
    raise AssertionError(f"the run did not become {kind} in time")


async def test_a_slot_that_comes_while_a_triggered_run_is_at_work_is_skipped_and_named_so(
    house: House, stack: Stack
) -> None:
    name = f"o-{house.session}"
    async with house.client() as client:
        await apply_definitions([a_definition(name, agent=name)], client=client, root=stack.root)
        deployment = await deployed(client, name)
        asked = await client.create_flow_run_from_deployment(
            deployment.id, parameters={"prompt": "RUN: sleep 6\nSAY: done"}
        )
    await until_state(house, asked.id, StateType.RUNNING)
    await make_due_every(house, name, timedelta(seconds=2))
    await asyncio.sleep(2.5)
    async with house.client() as client:
        await client.update_deployment_schedule(deployment.id, deployment.schedules[0].id, active=False)
    assert (await until_state(house, asked.id, StateType.COMPLETED)).state_name == "Completed"
    slots = [run for run in await runs_of(house, deployment.id) if run.auto_scheduled]
    assert slots
    assert {run.state_type for run in slots} == {StateType.CANCELLED}
    assert {run.run_count for run in slots} == {0}
    await house.keep_house()
    named = [(await house_run(house, run.id)) for run in slots]
    assert {(run.state_name, "skipped_overlap" in run.tags) for run in named} == {("SkippedOverlap", True)}
    assert [run.end_time for run in named] == [run.end_time for run in slots]
    async with house.client() as client:
        # The worker takes a run some seconds before its slot, so that one to come may be decided already.
        rows = await read_ledger(client, name, now=datetime.now(UTC) + timedelta(seconds=15), days=1)
    outcomes = [row.outcome for row in rows if row.origin == "schedule" and row.id]
    assert outcomes == [Outcome.SKIPPED_OVERLAP] * len(slots)


async def house_run(house: House, run_id: UUID) -> FlowRun:
    async with house.client() as client:
        return await client.read_flow_run(run_id)


async def test_a_run_that_the_limit_let_through_is_skipped_while_the_session_is_at_work(house: House) -> None:
    first_id = await house.ask_for(prompt="RUN: sleep 3\nSAY: first")
    first = asyncio.create_task(house.finish(first_id))
    await until(house.asked)
    second = await house.run(prompt="SAY: second")
    assert (second.state.name, second.record.outcome) == ("SkippedOverlap", Outcome.SKIPPED_OVERLAP)
    assert str(first_id) in second.record.reason
    assert (await first).record.outcome is Outcome.COMPLETED
    assert not any("second" in request.prompt for request in house.asked())
    third = await house.run(prompt="SAY: third")
    assert third.record.outcome is Outcome.COMPLETED


async def test_a_second_process_of_the_same_run_waits_and_then_says_the_same(house: House) -> None:
    run_id = await house.ask_for(prompt="RUN: sleep 2\nSAY: once")
    first = asyncio.create_task(house.finish(run_id))
    await until(house.asked)
    second = await house.finish(run_id)
    done = await first
    assert (done.state.name, second.state.name) == ("Completed", "Completed")
    assert (await house_run(house, run_id)).state_name == "Completed"
    assert len({request.prompt for request in house.asked()}) == 1
    assert len([request for request in house.asked() if request.turn == 0]) == 1
    assert len(house.journal()) == 1


async def test_a_run_that_is_queued_again_after_its_end_works_no_second_time(house: House) -> None:
    ran = await house.run(prompt="SAY: once")
    async with house.client() as client:
        await client.set_flow_run_state(ran.flow_run.id, Scheduled(name="AwaitingRetry"), force=True)
    again = await house.finish(ran.flow_run.id)
    assert again.state.name == "Completed"
    assert len([request for request in house.asked() if request.turn == 0]) == 1


async def test_two_sessions_are_at_work_at_once(house: House) -> None:
    other = await house.deploy(f"{house.session}-b")
    runs = [await house.ask_for(prompt="RUN: sleep 1"), await house.ask_for(session=other, prompt="RUN: sleep 1")]
    both = await asyncio.gather(*(house.finish(run_id) for run_id in runs))
    assert [ran.record.outcome for ran in both] == [Outcome.COMPLETED] * 2


@pytest.mark.parametrize("message", ["limit reached", "slot lost during provisioning - no slots available"])
async def test_both_ways_in_which_prefects_limit_ends_a_run_are_an_overlap(house: House, message: str) -> None:
    asked = await house.ask_for()
    state = State[None](type=StateType.CANCELLED, message=f"Deployment concurrency {message}")
    async with house.client() as client:
        await client.set_flow_run_state(asked, state, force=True)
    assert as_row(await house_run(house, asked)).outcome is Outcome.SKIPPED_OVERLAP
