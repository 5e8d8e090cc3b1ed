"""Of many runs that are too late to start, one process says so for all."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, StateType

from deployments.ledger import read_ledger
from sessions.outcome import Outcome
from tasks.run_rows import as_row
from tests.e2e.scheduling import deploy_once, is_active, runs_of
from tests.fakes.house import House

DAYS = 3


async def late_runs(house: House, session: str, **parameters: object) -> list[FlowRun]:
    """The runs of a session that was due at two in the last three nights, and of which none began."""
    await house.deploy(session, **parameters)
    now = datetime.now(UTC) - timedelta(hours=1)
    async with house.client() as client:
        deployment = await client.read_deployment_by_name(f"scheduled-session/{session}")
        window = {"start_time": (now - timedelta(days=DAYS)).isoformat(), "end_time": now.isoformat()}
        (await client._client.post(f"/deployments/{deployment.id}/schedule", json=window)).raise_for_status()
    return [run for run in await runs_of(house, deployment.id) if run.expected_start_time < now]


async def as_they_are(house: House, runs: list[FlowRun]) -> list[FlowRun]:
    async with house.client() as client:
        return [await client.read_flow_run(run.id) for run in runs]


def shown(run: FlowRun) -> tuple[object, ...]:
    """What people and programs see of a run, its slot and the length of its wait left out."""
    row = as_row(run).model_dump(include={"phase", "outcome", "delivery", "error", "cost_usd", "origin", "schedule"})
    named = run.name.partition(" · ")[0]
    return named, run.state_name, run.state_type, {*run.tags}, row


async def test_what_waits_behind_a_missed_run_is_missed_with_it_and_looks_the_same(house: House) -> None:
    await house.keep_house()  # what other tests left on this server
    first, *others = await late_runs(house, house.session)
    behind = f"{house.session}-behind"
    others += await late_runs(house, behind)
    assert len(others) == 2 * DAYS - 1
    ran = await house.finish(first.id)
    assert ran.record.outcome is Outcome.MISSED
    (own,) = await as_they_are(house, [first])
    ended = await as_they_are(house, others)
    for run in ended[: DAYS - 1]:
        assert shown(run) == shown(own)
        assert run.run_count == 0
        assert run.state is not None
        assert "the starting deadline is 5 min" in (run.state.message or "")
    assert {run.name.partition(" · ")[0] for run in ended[-DAYS:]} == {behind}
    async with house.client() as client:
        rows = await read_ledger(client, behind, now=datetime.now(UTC), days=DAYS)
    assert {(row.id, row.outcome) for row in rows} >= {(str(run.id), Outcome.MISSED) for run in ended[-DAYS:]}


async def test_late_runs_are_found_behind_any_number_of_patient_ones(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.keep_house()
    monkeypatch.setattr("tasks.late_runs.PAGE", 2)
    patient = await late_runs(house, f"{house.session}-patient", starting_deadline_seconds=0)
    late = await late_runs(house, house.session)
    await house.keep_house()
    assert {run.state_name for run in await as_they_are(house, late)} == {"Missed"}
    assert {run.state_type for run in await as_they_are(house, patient)} == {StateType.SCHEDULED}


async def test_what_may_start_however_late_is_let_be(house: House) -> None:
    patient = await late_runs(house, f"{house.session}-patient", starting_deadline_seconds=0)
    asked = await house.ask_for()
    await house.keep_house()
    async with house.client() as client:
        kept = [*await as_they_are(house, patient), await client.read_flow_run(asked)]
    assert {run.state_type for run in kept} == {StateType.SCHEDULED}


async def test_one_that_was_due_once_is_switched_off_too(house: House) -> None:
    once = await deploy_once(house, house.session, datetime.now(UTC) - timedelta(hours=1), starting_deadline_seconds=60)
    await house.keep_house()
    assert [run.state_name for run in await runs_of(house, once)] == ["Missed"]
    assert await is_active(house, once) == [False]


async def test_a_server_that_refuses_does_not_change_what_became_of_the_missed_run(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.keep_house()
    first, *others = await late_runs(house, house.session)
    read = PrefectClient.read_flow_runs

    async def refuse_the_sorted(client: PrefectClient, **asked: object) -> list[FlowRun]:
        if asked.get("sort"):
            raise httpx.ConnectError("away")
        return await read(client, **asked)  # type: ignore[arg-type]

    monkeypatch.setattr(PrefectClient, "read_flow_runs", refuse_the_sorted)
    ran = await house.finish(first.id)
    assert (ran.record.outcome, ran.state.name) == (Outcome.MISSED, "Missed")
    assert "cannot be named as missed for now: away" in ran.log
    assert {run.state_type for run in await as_they_are(house, others)} == {StateType.SCHEDULED}
