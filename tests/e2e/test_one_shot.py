"""Sessions that are due once."""

from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.schemas.objects import State, StateType
from prefect.exceptions import ObjectNotFound
from pydantic import JsonValue

from sessions.outcome import Outcome
from tests.e2e.scheduling import FAULT, TURNED_AWAY, deploy_once, is_active, runs_of
from tests.fakes.house import House
from tests.fakes.obedient import obedient_script

AN_HOUR = timedelta(hours=1)


async def test_a_failed_one_is_switched_off_and_not_tried_again(house: House) -> None:
    deployment_id = await deploy_once(house, house.session, datetime.now(UTC) - AN_HOUR, delete_after_run=True)
    (run,) = await runs_of(house, deployment_id)
    with house.answering(obedient_script(FAULT)):
        ran = await house.finish(run.id)
    assert ran.record.outcome is Outcome.FAILED
    assert await is_active(house, deployment_id) == [False]
    assert "0 sessions deleted" in await house.keep_house()
    assert [each.id for each in await runs_of(house, deployment_id)] == [run.id]


@pytest.mark.parametrize(
    ("outcome", "given"),
    [
        (Outcome.MISSED, {"starting_deadline_seconds": 60}),
        (Outcome.STOPPED, {"max_turns": 1}),
        (Outcome.TIMED_OUT, {"timeout_seconds": 1, "prompt": "RUN: sleep 30"}),
    ],
    ids=["missed", "stopped", "timed out"],
)
async def test_one_is_switched_off_however_its_run_ended(
    house: House, outcome: Outcome, given: dict[str, JsonValue]
) -> None:
    deployment_id = await deploy_once(house, house.session, datetime.now(UTC) - AN_HOUR, **given)
    (run,) = await runs_of(house, deployment_id)
    assert (await house.finish(run.id)).record.outcome is outcome
    assert await is_active(house, deployment_id) == [False]


async def test_one_whose_run_crashed_is_switched_off_by_housekeeping(house: House) -> None:
    deployment_id = await deploy_once(house, house.session, datetime.now(UTC) - AN_HOUR)
    (run,) = await runs_of(house, deployment_id)
    async with house.client() as client:
        await client.set_flow_run_state(run.id, State(type=StateType.CRASHED), force=True)
    await house.keep_house()
    assert await is_active(house, deployment_id) == [False]


async def test_one_that_succeeded_is_deleted_where_it_says_so_and_its_run_is_kept(house: House) -> None:
    await house.keep_house()  # what other tests left on this server
    deployment_id = await deploy_once(house, house.session, datetime.now(UTC) - AN_HOUR, delete_after_run=True)
    (run,) = await runs_of(house, deployment_id)
    ran = await house.finish(run.id)
    assert ran.record.outcome is Outcome.COMPLETED
    assert await is_active(house, deployment_id) == [False]
    assert "1 sessions deleted after their run" in await house.keep_house()
    async with house.client() as client:
        with pytest.raises(ObjectNotFound):
            await client.read_deployment(deployment_id)
    assert "0 old runs deleted" in await house.keep_house()
    assert [each.id for each in await runs_of(house, deployment_id)] == [run.id]
    assert house.folder(run.id).report_path.exists()


@pytest.mark.parametrize(("moment", "active"), [(AN_HOUR, True), (-AN_HOUR, False)], ids=["to come", "past"])
async def test_one_whose_run_prefect_ended_itself_is_switched_off_by_housekeeping_after_its_moment(
    house: House, moment: timedelta, active: bool
) -> None:
    deployment_id = await deploy_once(house, house.session, datetime.now(UTC) + moment)
    (run,) = await runs_of(house, deployment_id)
    async with house.client() as client:
        await client.set_flow_run_state(run.id, TURNED_AWAY, force=True)
    await house.keep_house()
    assert await is_active(house, deployment_id) == [active]


async def test_one_whose_run_still_waits_for_a_worker_stays_on(house: House) -> None:
    deployment_id = await deploy_once(house, house.session, datetime.now(UTC) - AN_HOUR)
    await house.keep_house()
    assert await is_active(house, deployment_id) == [True]
    assert len(await runs_of(house, deployment_id)) == 1
