import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import DeploymentResponse

from deployments.apply import apply_definitions
from deployments.definitions import Definition
from deployments.overview import list_sessions, show_session
from deployments.suspension import resume_session, suspend_session
from deployments.trigger import trigger_session
from sessions.errors import SpecError
from sessions.outcome import Outcome
from tests.deployments.test_apply import prefect_deploy
from tests.fakes.house import POOL_WITHOUT_WORKER, House, schedule_in_the_past
from tests.fakes.stack import a_definition


async def read(client: PrefectClient, house: House) -> DeploymentResponse:
    return await client.read_deployment_by_name(f"scheduled-session/{house.session}")


async def scheduled(client: PrefectClient, deployment_id: UUID) -> list[FlowRun]:
    kind = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
    of_session = DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id]))
    return await client.read_flow_runs(flow_run_filter=FlowRunFilter(state=kind), deployment_filter=of_session)


async def status(client: PrefectClient, house: House) -> str:
    shown = await show_session(client, house.session, datetime.now(UTC))
    listed = next(view for view in await list_sessions(client, datetime.now(UTC)) if view.name == house.session)
    assert listed.status == shown.status
    return shown.status


def hourly_and_nightly(house: House) -> Definition:
    definition = a_definition(house.session, pool=POOL_WITHOUT_WORKER)
    other = definition.schedules[0].model_copy(update={"cron": "0 * * * *", "slug": "hourly"})
    return definition.model_copy(update={"schedules": [*definition.schedules, other]})


def as_file(definition: Definition, house: House) -> Path:
    path = house.root / "session.yaml"
    content = definition.model_dump(mode="json", exclude_none=True)
    path.write_text(json.dumps({"deployments": [content]}), encoding="utf-8")
    return path


async def test_suspending_clears_what_was_scheduled_ahead_and_resuming_schedules_the_next_slot(house: House) -> None:
    async with house.client() as client:
        applied = (await apply_definitions([hourly_and_nightly(house)], client, root=house.root))[0]
        await resume_session(client, house.session, datetime.now(UTC))
        assert await scheduled(client, applied.deployment_id)

        suspended = await suspend_session(client, house.session)

        assert (suspended.status, suspended.changed) == ("Suspended", True)
        assert await scheduled(client, applied.deployment_id) == []
        assert await status(client, house) == "Suspended"
        assert (await show_session(client, house.session, datetime.now(UTC))).next_runs == []
        assert not (await suspend_session(client, house.session)).changed

        now = datetime.now(UTC)
        resumed = await resume_session(client, house.session, now)

        next_hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        assert (resumed.status, resumed.changed, resumed.next_run_at) == ("Active", True, next_hour)
        ahead = await scheduled(client, applied.deployment_id)
        assert min(run.expected_start_time for run in ahead if run.expected_start_time) == next_hour
        assert await status(client, house) == "Active"


async def test_a_slot_that_was_due_and_had_not_begun_is_recorded_as_stopped(house: House) -> None:
    late = await house.miss_a_slot()
    async with house.client() as client:
        assert (await suspend_session(client, house.session)).called_off == 1
    record = await house.look_at(late)
    assert (record.flow_run.state_type, record.state.name) == (StateType.CANCELLED, "Stopped")
    assert "suspended before this run began" in (record.state.message or "")


async def test_slots_that_pass_while_suspended_are_not_made_up_for(house: House) -> None:
    await house.deploy()
    async with house.client() as client:
        deployment = await read(client, house)
        await suspend_session(client, house.session)
        await schedule_in_the_past(client, deployment.id)
        await resume_session(client, house.session, datetime.now(UTC))
        ahead = await scheduled(client, deployment.id)
    assert ahead
    assert all(run.expected_start_time and run.expected_start_time > datetime.now(UTC) for run in ahead)


async def test_a_run_that_was_asked_for_stays_and_one_can_be_triggered_while_suspended(house: House) -> None:
    waiting = await house.ask_for()
    async with house.client() as client:
        await suspend_session(client, house.session)
        triggered = await trigger_session(client, house.session, {})
    assert (await house.look_at(waiting)).flow_run.state_type is StateType.SCHEDULED
    ran = await house.finish(triggered.id)
    assert ran.record.outcome is Outcome.COMPLETED
    assert ran.record.session == house.session


async def test_a_run_that_is_at_work_goes_on(house: House) -> None:
    run_id = await house.miss_a_slot()
    async with house.client() as client:
        run = await client.read_flow_run(run_id)
        for kind in (StateType.PENDING, StateType.RUNNING):
            await client.set_flow_run_state(run.id, State(type=kind))
        await suspend_session(client, house.session)
        assert (await client.read_flow_run(run_id)).state_type is StateType.RUNNING


@pytest.mark.parametrize("by", ["schedule", "deployment"])
async def test_what_the_ui_switches_off_is_suspended_and_resumed_alike(house: House, by: str) -> None:
    await house.deploy(starting_deadline_seconds=0)
    late = await house.miss_a_slot()
    async with house.client() as client:
        deployment = await read(client, house)
        if by == "deployment":
            # A deployment that is paused lets nothing wait.
            await client.pause_deployment(deployment.id)
        else:
            await client.update_deployment_schedule(deployment.id, deployment.schedules[0].id, active=False)
            ran = await house.finish(late)
            assert ran.record.outcome is Outcome.STOPPED
            assert house.asked() == []
        assert await status(client, house) == "Suspended"

        await resume_session(client, house.session, datetime.now(UTC))

        assert await status(client, house) == "Active"
        after = await read(client, house)
        assert not after.paused
        assert all(schedule.active for schedule in after.schedules)


async def test_suspending_what_is_paused_as_a_whole_switches_its_schedules_off_too(house: House) -> None:
    await house.deploy()
    async with house.client() as client:
        await client.pause_deployment((await read(client, house)).id)
        assert not (await suspend_session(client, house.session)).changed
        assert [schedule.active for schedule in (await read(client, house)).schedules] == [False]


async def test_a_suspended_session_stays_suspended_over_both_ways_to_deploy(house: House) -> None:
    definition = hourly_and_nightly(house)
    async with house.client() as client:
        await apply_definitions([definition], client, root=house.root)
        await suspend_session(client, house.session)

        assert (await apply_definitions([definition], client, root=house.root))[0].suspended
        assert await status(client, house) == "Suspended"
        prefect_deploy(as_file(definition, house), house.root, house.url, house.home / "prefect")
        assert await status(client, house) == "Suspended"
        assert await scheduled(client, (await read(client, house)).id) == []


async def test_a_session_without_a_schedule_has_nothing_to_suspend_or_resume(house: House) -> None:
    definition = a_definition(house.session, pool=POOL_WITHOUT_WORKER).model_copy(update={"schedules": []})
    async with house.client() as client:
        await apply_definitions([definition], client, root=house.root)
        for switch in (
            suspend_session(client, house.session),
            resume_session(client, house.session, datetime.now(UTC)),
        ):
            with pytest.raises(SpecError, match="has no schedule; it runs only when it is triggered"):
                await switch
        assert await status(client, house) == "Active"


async def test_a_session_that_is_not_there_is_said_with_those_that_are(house: House) -> None:
    await house.deploy()
    async with house.client() as client:
        with pytest.raises(SpecError, match=f"there is no session 'nowhere'; deployed are: .*{house.session}"):
            await suspend_session(client, "nowhere")
