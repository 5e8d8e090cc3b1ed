"""The wait after errors on a real server: the ladder in seconds instead of minutes."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType

from deployments.overview import show_session
from sessions.outcome import Outcome
from tasks.run_rows import as_row
from tests.e2e.scheduling import FAULT, deployed, make_due_every, runs_of, work_off
from tests.fakes.house import House
from tests.fakes.obedient import obedient_script

CRASHED = State[None](type=StateType.CRASHED, message="its worker died with it")


def names(runs: list[FlowRun]) -> list[str | None]:
    return [run.state_name for run in runs]


def between(runs: list[FlowRun], earlier: FlowRun, later: FlowRun) -> list[FlowRun]:
    return runs[runs.index(earlier) + 1 : runs.index(later)]


async def test_the_schedule_waits_longer_after_each_error_and_one_success_ends_it(house: House) -> None:
    name = await house.deploy(backoff_seconds=[3, 5])
    await make_due_every(house, name, timedelta(seconds=1))
    with house.answering(obedient_script(FAULT)):
        await work_off(house, name, until_ended=2)
    runs = await work_off(house, name, until_ended=4)
    first, second, third, fourth = [run for run in runs if run.state_type in (StateType.COMPLETED, StateType.FAILED)]
    assert names([first, second, third, fourth]) == ["Failed", "Failed", "Completed", "Completed"]
    assert [run.auto_scheduled for run in (first, second, third, fourth)] == [True, False, False, True]
    for error, attempt, delay in ((first, second, 3), (second, third, 5)):
        assert error.end_time is not None
        assert attempt.expected_start_time is not None
        waited = (attempt.expected_start_time - error.end_time).total_seconds()
        assert waited == pytest.approx(delay, abs=0.01)
        parked = [run for run in between(runs, error, attempt) if run.expected_start_time >= error.end_time]
        assert len(parked) >= delay - 2
        assert set(names(parked)) == {"BackingOff"}
        assert {run.state_type for run in parked} == {StateType.CANCELLED}
    assert all(name != "BackingOff" for name in names(between(runs, third, fourth)))
    assert len({run.expected_start_time for run in runs}) == len(runs)


async def test_no_run_is_made_where_the_next_natural_slot_comes_after_the_wait(house: House) -> None:
    name = await house.deploy()
    with house.answering(obedient_script(FAULT)):
        failed = await house.run(session=name)
    assert failed.record.outcome is Outcome.FAILED
    runs = await runs_of(house, failed.flow_run.deployment_id)
    assert [run.id for run in runs if not run.auto_scheduled] == [failed.flow_run.id]
    assert "BackingOff" not in names(runs)


async def test_it_holds_after_a_worker_was_killed_that_could_park_nothing(house: House) -> None:
    name = await house.deploy(backoff_seconds=[2], starting_deadline_seconds=0)
    killed = await house.ask_for(session=name)
    async with house.client() as client:
        await client.set_flow_run_state(killed, CRASHED, force=True)
    slot = await house.finish(await house.miss_a_slot(session=name))
    assert (slot.state.name, slot.record.outcome) == ("BackingOff", Outcome.BACKING_OFF)
    assert "after 1 error" in (slot.state.message or "")
    assert house.asked() == []
    runs = await runs_of(house, slot.flow_run.deployment_id)
    (attempt,) = [run for run in runs if run.idempotency_key == f"backoff-{killed}"]
    attempted = await house.finish(attempt.id)
    assert attempted.record.outcome is Outcome.COMPLETED
    assert as_row(attempted.flow_run).schedule == "nightly", "it counts with the schedule whose slot it stands for"


async def test_what_a_person_triggers_never_waits(house: House) -> None:
    name = await house.deploy(backoff_seconds=[600])
    with house.answering(obedient_script(FAULT)):
        await house.run(session=name)
    asked = await house.run(session=name)
    assert asked.record.outcome is Outcome.COMPLETED


async def test_an_attempt_does_not_start_while_its_session_is_suspended(house: House) -> None:
    name = await house.deploy(backoff_seconds=[1])
    killed = await house.ask_for(session=name)
    async with house.client() as client:
        await client.set_flow_run_state(killed, CRASHED, force=True)
        deployment = await deployed(client, name)
        await client.update_deployment_schedule(deployment.id, deployment.schedules[0].id, active=False)
        attempt = await client.create_flow_run_from_deployment(deployment.id, idempotency_key=f"backoff-{killed}")
    stopped = await house.finish(attempt.id)
    assert stopped.record.outcome is Outcome.STOPPED
    assert "suspended" in stopped.record.reason
    assert house.asked() == []


async def test_the_next_times_of_a_session_that_waits_begin_with_its_attempt(house: House) -> None:
    name = await house.deploy(backoff_seconds=[7200])
    await make_due_every(house, name, timedelta(minutes=30))
    with house.answering(obedient_script(FAULT)):
        failed = await house.run(session=name)
    assert failed.flow_run.end_time is not None
    async with house.client() as client:
        view = await show_session(client, name, failed.flow_run.end_time)
    assert view.state.consecutive_errors == 1
    assert view.next_runs[0] == failed.flow_run.end_time + timedelta(hours=2)
    assert all(later - earlier <= timedelta(minutes=30) for earlier, later in pairwise(view.next_runs))


async def crash(house: House, name: str) -> FlowRun:
    run_id = await house.ask_for(session=name)
    async with house.client() as client:
        await client.set_flow_run_state(run_id, CRASHED, force=True)
        return await client.read_flow_run(run_id)


@pytest.mark.parametrize(("errors", "wait"), [(4, timedelta(minutes=15)), (5, timedelta(hours=1))])
async def test_the_fourth_and_fifth_steps_hold_where_three_failed_runs_are_kept(
    house: House, errors: int, wait: timedelta
) -> None:
    name = await house.deploy(cron="* * * * *", starting_deadline_seconds=0)
    worked = await house.run(session=name)
    crashed = [await crash(house, name) for _ in range(errors)]
    await house.keep_house()
    runs = await runs_of(house, worked.flow_run.deployment_id)
    assert sum(run.state_type is StateType.CRASHED for run in runs) == 3
    slot = await house.finish(await house.miss_a_slot(session=name))
    assert slot.record.outcome is Outcome.BACKING_OFF
    assert f"{errors} errors in a row" in slot.record.reason
    async with house.client() as client:
        view = await show_session(client, name, datetime.now(UTC))
    assert crashed[-1].end_time is not None
    assert view.state.consecutive_errors == errors
    assert view.next_runs[0] == crashed[-1].end_time + wait
