"""Runs whose process died with its worker: the automations free their slot. The silence is 10 s here, not 90."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events.schemas.automations import AutomationCore, EventTrigger
from prefect.events.schemas.events import Event, RelatedResource, Resource, ResourceSpecification

from deployments.automations import unbegun_automation, zombie_automation
from tasks.signs_of_life import HEARTBEAT
from tasks.silent_runs import SILENCE
from tests.fakes.house import House

SHORTEST_SILENCE_SECONDS = 10
PATIENCE_SECONDS = 40
PENDING = State[None](type=StateType.PENDING)
#: What a worker says of a run for which it is starting a process.
SUBMITTED = State[None](type=StateType.PENDING, name="Submitting")
RUNNING = State[None](type=StateType.RUNNING)


@flow
def somebody_elses_flow() -> None:
    """One that is none of this project's business."""


def only_for(run_ids: list[UUID], automation: AutomationCore) -> AutomationCore:
    """The automation for some runs alone, so that it does not end other tests' runs."""
    trigger = automation.trigger
    assert isinstance(trigger, EventTrigger)
    match = ResourceSpecification({"prefect.resource.id": [f"prefect.flow-run.{run_id}" for run_id in run_ids]})
    return automation.model_copy(
        update={"name": f"{automation.name} {run_ids[0]}", "trigger": trigger.model_copy(update={"match": match})}
    )


async def taken_by_a_worker(client: PrefectClient, run_id: UUID) -> FlowRun:
    """Give a run the one slot of its session, as a worker does."""
    await client.set_flow_run_state(run_id, PENDING)
    return await client.read_flow_run(run_id)


async def beat(client: PrefectClient, run: FlowRun, flow_name: str) -> None:
    """Send the heartbeat of a run to this very server; a process's own emitter may still speak to another one."""
    flow = {"prefect.resource.id": f"prefect.flow.{run.flow_id}", "prefect.resource.role": "flow"}
    event = Event(
        event=HEARTBEAT,
        resource=Resource({"prefect.resource.id": f"prefect.flow-run.{run.id}"}),
        related=[RelatedResource(flow | {"prefect.resource.name": flow_name})],
    )
    await client.request("POST", "/events", json=[event.model_dump(mode="json")])


async def test_runs_that_fell_silent_or_never_began_are_crashed_and_their_slot_is_free(house: House) -> None:
    silent, mute, unbegun, submitted = [await house.deploy(f"{house.session}-{kind}") for kind in ("a", "b", "c", "e")]
    ids = [await house.ask_for(session=name) for name in (silent, mute, unbegun, submitted)]
    healthy = await house.ask_for(session=await house.deploy(f"{house.session}-d"))
    async with house.client() as client:
        foreign = await client.create_flow_run(somebody_elses_flow, state=RUNNING)
        for automation in (zombie_automation(SHORTEST_SILENCE_SECONDS), unbegun_automation(SHORTEST_SILENCE_SECONDS)):
            await client.create_automation(only_for([*ids, healthy, foreign.id], automation))
        await asyncio.sleep(1)
        taken = [await taken_by_a_worker(client, run_id) for run_id in ids]
        for run_id in ids[:2]:
            await client.set_flow_run_state(run_id, RUNNING)
        await client.set_flow_run_state(ids[3], SUBMITTED)
        await beat(client, taken[0], "scheduled-session")
        await beat(client, foreign, "somebody-elses-flow")
        await house.finish(healthy)
        crashed = [await until_crashed(client, run_id) for run_id in ids]
        assert ["died" in (run.state.message or "") for run in crashed if run.state] == [True] * 4
        assert all(run.start_time is None or (datetime.now(UTC) - run.start_time).seconds < 120 for run in crashed)
        for name in (silent, mute, unbegun, submitted):
            again = await house.ask_for(session=name)
            assert (await taken_by_a_worker(client, again)).state_type is StateType.PENDING
        assert (await client.read_flow_run(foreign.id)).state_type is StateType.RUNNING
        await client.delete_flow_run(foreign.id)
        assert (await client.read_flow_run(healthy)).state_name == "Completed"


async def until_crashed(client: PrefectClient, run_id: UUID) -> FlowRun:
    for _ in range(PATIENCE_SECONDS * 5):
        if (run := await client.read_flow_run(run_id)).state_type is StateType.CRASHED:
            return run
        await asyncio.sleep(0.2)
    raise AssertionError("the run was not crashed in time")


async def test_a_run_beats_often_enough_whatever_prefect_was_told(house: House) -> None:
    ran = await house.run()
    about = {"resource": {"id": [f"prefect.flow-run.{ran.flow_run.id}"]}, "event": {"name": [HEARTBEAT]}}
    async with house.client() as client:
        for _ in range(50):
            answer = await client.request("POST", "/events/filter", json={"filter": about})
            if answer.json()["total"] >= 2:
                return
            await asyncio.sleep(0.2)
    pytest.fail("the run sent no heartbeat beside Prefect's own one of every three minutes")


async def test_a_second_run_does_not_get_the_slot_of_one_that_lives(house: House) -> None:
    name = await house.deploy()
    first, second = await house.ask_for(session=name), await house.ask_for(session=name)
    async with house.client() as client:
        assert (await taken_by_a_worker(client, first)).state_type is StateType.PENDING
        assert (await taken_by_a_worker(client, second)).state_type is StateType.CANCELLED


async def test_housekeeping_crashes_what_the_automations_forgot_and_leaves_what_was_heard_of(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [await house.deploy(f"{house.session}-{kind}") for kind in ("a", "b", "c")]
    forgotten, alive, late = [await house.ask_for(session=name) for name in names]
    async with house.client() as client:
        await taken_by_a_worker(client, forgotten)
        run, slow = await taken_by_a_worker(client, alive), await taken_by_a_worker(client, late)
        for run_id in (alive, late):
            await client.set_flow_run_state(run_id, RUNNING)
        await asyncio.sleep(2)
        heard_at = datetime.now(UTC)
        await beat(client, run, "scheduled-session")
        await until_heard(client, alive)
        later = heard_at + SILENCE - timedelta(seconds=1)
        monkeypatch.setattr("tasks.silent_runs.utc_now", lambda: later)

        async def beat_at_last() -> None:
            await beat(client, slow, "scheduled-session")
            await until_heard(client, late)

        monkeypatch.setattr("tasks.silent_runs._listen", beat_at_last)
        assert "1 silent runs crashed" in await house.keep_house()
        assert (await client.read_flow_run(forgotten)).state_type is StateType.CRASHED
        states = [(await client.read_flow_run(each)).state_type for each in (alive, late)]
        assert states == [StateType.RUNNING, StateType.RUNNING]


async def until_heard(client: PrefectClient, run_id: UUID) -> None:
    about = {"resource": {"id": [f"prefect.flow-run.{run_id}"]}, "event": {"name": [HEARTBEAT]}}
    # The server writes events down in lots, and a busy one takes its time.
    for _ in range(300):
        if (await client.request("POST", "/events/filter", json={"filter": about})).json()["total"]:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the heartbeat did not arrive")
