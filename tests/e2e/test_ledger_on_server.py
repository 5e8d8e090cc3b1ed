"""What `sessions runs` says of slots on a real server, of those that no process ever ran too."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from deployments.apply import apply_definitions
from deployments.ledger import read_ledger
from sessions.ledger import FORGOTTEN, LATE, NO_RUN, RunRow
from sessions.outcome import Outcome
from tasks.kept_rows import forget_rows, keep_rows
from tests.e2e.scheduling import deployed, make_runs
from tests.fakes.house import POOL_WITHOUT_WORKER, House
from tests.fakes.stack import SESSION, Stack, a_definition

EVERY_TEN_MINUTES = "*/10 * * * *"


@pytest.fixture
async def rows_in_three_hours(house: House) -> list[RunRow]:
    """A session with runs made for its first three slots, none of which is begun, as it will look."""
    definition = a_definition(house.session, pool=POOL_WITHOUT_WORKER, cron=EVERY_TEN_MINUTES)
    async with house.client() as client:
        (applied,) = await apply_definitions([definition], client=client, root=house.root)
        await make_runs(client, applied.deployment_id, max_runs=3)
        await house.run(session=house.session, prompt="SAY: asked for")
        return await read_ledger(client, house.session, now=datetime.now(UTC) + timedelta(hours=3), days=1)


async def test_every_slot_has_one_row_whatever_became_of_it(rows_in_three_hours: list[RunRow]) -> None:
    slots = [row for row in rows_in_three_hours if row.origin == "schedule"]
    assert len({row.slot_at for row in slots}) == len(slots)
    assert 17 <= len(slots) <= 18
    assert {row.outcome for row in slots} == {Outcome.MISSED}
    assert {row.schedule for row in slots} == {"nightly"}
    (asked,) = [row for row in rows_in_three_hours if row.origin == "trigger"]
    assert asked.outcome is Outcome.COMPLETED


async def test_a_missed_slot_says_whether_a_worker_or_the_server_was_missing(rows_in_three_hours: list[RunRow]) -> None:
    slots = [row for row in rows_in_three_hours if row.origin == "schedule"]
    without_worker, without_server = [row for row in slots if row.id], [row for row in slots if not row.id]
    assert len(without_worker) >= 3
    assert {row.reason for row in without_worker} == {LATE}
    assert {row.reason for row in without_server} == {NO_RUN}


async def test_slots_whose_lines_had_to_make_room_are_not_called_missed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.kept_rows.MOST_ROWS", 6)
    definition = a_definition(house.session, pool=POOL_WITHOUT_WORKER, cron=EVERY_TEN_MINUTES)
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=24)
    slots = [begin + timedelta(minutes=10 * number) for number in range(18)]
    async with house.client() as client:
        await apply_definitions([definition], client=client, root=house.root)
        schedule_id = str((await deployed(client, house.session)).schedules[0].id)
        made = {"name": "x", "phase": "Completed", "origin": "schedule", "schedule_id": schedule_id}
        rows = [
            RunRow.model_validate({**made, "id": f"{at:%H%M}", "slot_at": at, "outcome": Outcome.COMPLETED})
            for at in slots[:12]
        ]
        await keep_rows(client, house.session, rows, slots[-1])
        told = await read_ledger(client, house.session, now=slots[-1], days=1)
        await forget_rows(client, house.session)
    shown = {row.slot_at: (row.phase, row.reason) for row in told}
    assert [shown[at] for at in slots[:6]] == [("Unknown", FORGOTTEN)] * 6
    assert [shown[at] for at in slots[6:12]] == [("Completed", "")] * 6
    assert [shown[at] for at in slots[12:]] == [("Missed", NO_RUN)] * 6


async def test_deploying_the_same_again_does_not_make_earlier_slots_uncertain(house: House) -> None:
    definition = a_definition(house.session, pool=POOL_WITHOUT_WORKER, cron=EVERY_TEN_MINUTES)
    async with house.client() as client:
        await apply_definitions([definition], client=client, root=house.root)
        before = (await deployed(client, house.session)).schedules[0]
        await apply_definitions([definition], client=client, root=house.root)
        after = (await deployed(client, house.session)).schedules[0]
        assert (before.id, before.updated) == (after.id, after.updated)
        changed = a_definition(house.session, pool=POOL_WITHOUT_WORKER, cron="*/5 * * * *")
        await apply_definitions([changed], client=client, root=house.root)
        later = (await deployed(client, house.session)).schedules[0]
        assert later.updated != before.updated


def test_the_command_lists_the_slots_of_the_last_days_as_json_and_as_a_table(stack: Stack) -> None:
    asked = json.loads(stack.command("sessions", "trigger", SESSION, "--json").stdout)
    rows = json.loads(stack.command("sessions", "runs", SESSION, "--days", "2", "--json").stdout)
    assert asked["id"] in [row["id"] for row in rows]
    for row in rows:
        assert set(row) >= {"id", "slot_at", "outcome", "reason", "origin", "schedule"}
    assert stack.command("sessions", "runs", SESSION, "--limit", "1").returncode == 0
    refused = stack.command("sessions", "runs", SESSION, "--days", "31", check=False)
    assert refused.returncode == 2
    unknown = stack.command("sessions", "runs", "nobody", check=False)
    assert (unknown.returncode, "there is no session 'nobody'" in unknown.stderr) == (1, True)
