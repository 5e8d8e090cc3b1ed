"""One run now: of a session, or for one of its schedules."""

from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import DeploymentSchedule
from pydantic import JsonValue

from deployments.apply import apply_definitions
from deployments.check_schedules import OF_THE_SESSION
from deployments.definitions import Definition
from deployments.ledger import read_ledger
from deployments.overview import show_session
from deployments.trigger import trigger_session
from sessions.errors import SpecError
from tests.e2e.scheduling import deployed, make_runs, runs_of
from tests.fakes.house import POOL_WITHOUT_WORKER, House
from tests.fakes.stack import a_definition

NOW, A_DAY = datetime.now(UTC), timedelta(days=1)
SCHEDULES: list[JsonValue] = [
    {"cron": "0 2 * * *", "slug": "nightly"},
    {"cron": "0 3 * * *", "slug": "weekly", "parameters": {"prompt": "SAY: the week", "max_turns": 7}},
    {"interval": "PT6H", "anchor_date": "2026-01-01T00:00:00+00:00", "slug": "often", "parameters": {"max_turns": 3}},
]


async def deploy(client: PrefectClient, house: House) -> list[DeploymentSchedule]:
    given = a_definition(house.session, pool=POOL_WITHOUT_WORKER, starting_deadline_seconds=0)
    definition = Definition.model_validate(given.model_dump(exclude_none=True) | {"schedules": SCHEDULES})
    await apply_definitions([definition], client, root=house.root)
    return (await deployed(client, house.session)).schedules


async def test_a_run_that_is_triggered_for_a_schedule_has_its_parameters_and_its_record_names_it(house: House) -> None:
    async with house.client() as client:
        await deploy(client, house)
        asked = await trigger_session(client, house.session, {"max_turns": 5}, slug="weekly")
        ran = await house.finish(asked.id)
        rows = await read_ledger(client, house.session, now=datetime.now(UTC), days=1)
    assert (ran.record.spec.prompt, ran.record.spec.max_turns) == ("SAY: the week", 5)
    (row,) = [row for row in rows if row.id == str(asked.id)]
    assert (row.origin, row.schedule) == ("trigger", "weekly")
    assert "schedule:weekly" in ran.flow_run.tags


async def test_a_schedule_that_is_not_there_is_said_with_those_that_are(house: House) -> None:
    async with house.client() as client:
        await deploy(client, house)
        with pytest.raises(SpecError, match=r"no schedule has the slug 'monthly'; there are .*weekly"):
            await trigger_session(client, house.session, {}, slug="monthly")
        assert not [
            run for run in await runs_of(house, (await deployed(client, house.session)).id) if not run.auto_scheduled
        ]


@pytest.mark.parametrize("rule", OF_THE_SESSION)
async def test_a_rule_of_the_session_is_no_parameter_of_one_run(house: House, rule: str) -> None:
    async with house.client() as client:
        with pytest.raises(SpecError, match=f"{rule} is a rule of the session, and does nothing in one run"):
            await trigger_session(client, house.session, {rule: 1})


async def test_a_trigger_does_not_move_the_cadence(house: House) -> None:
    async with house.client() as client:
        before = await deploy(client, house)
        await make_runs(client, (await deployed(client, house.session)).id)
        now = datetime.now(UTC)
        due = (await show_session(client, house.session, now)).next_runs
        await house.finish((await trigger_session(client, house.session, {}, slug="often")).id)
        assert (await show_session(client, house.session, now)).next_runs == due
        after = await deployed(client, house.session)
        scheduled = {run.expected_start_time for run in await runs_of(house, after.id) if run.auto_scheduled}
    assert len(due) == 3
    assert set(due) <= scheduled
    assert after.schedules == before


async def test_the_own_parameters_of_each_schedule_reach_its_runs(house: House) -> None:
    async with house.client() as client:
        schedules = await deploy(client, house)
        deployment = await deployed(client, house.session)
        yesterday = {"start_time": (NOW - 2 * A_DAY).isoformat(), "end_time": (NOW - A_DAY).isoformat()}
        await make_runs(client, deployment.id, **yesterday)
        runs = await runs_of(house, deployment.id)
    saw = {}
    for schedule in schedules:
        first = next(run for run in runs if run.created_by and run.created_by.id == schedule.id)
        spec = (await house.finish(first.id)).record.spec
        saw[schedule.slug] = (spec.prompt, spec.max_turns)
    assert saw == {"nightly": ("RUN: echo green", 0), "weekly": ("SAY: the week", 7), "often": ("RUN: echo green", 3)}
