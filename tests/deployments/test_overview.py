from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import State, StateType
from prefect.states import Scheduled

from deployments.apply import apply_definitions
from deployments.definitions import Definition, ScheduleEntry
from deployments.overview import SessionView, list_sessions, show_session
from sessions.outcome import Outcome
from tasks import pages
from tasks.flow_runs import as_state
from tests.fakes.house import POOL_WITHOUT_WORKER, House
from tests.fakes.stack import a_definition

ENTRIES = {
    "cron": {"cron": "0 9 * * MON", "timezone": "Europe/Berlin", "slug": "weekly"},
    "every": {
        "interval": "PT6H",
        "anchor_date": "2026-01-01T00:00:00+01:00",
        "timezone": "Asia/Tokyo",
        "slug": "often",
    },
    "at": {"rrule": "DTSTART:20370131T090000\nRRULE:FREQ=DAILY;COUNT=1", "timezone": "Europe/Paris", "slug": "once"},
}


async def run_ended(client: PrefectClient, name: str, *outcomes: Outcome | StateType, hours_ago: float = 0) -> None:
    """Runs of a session, one after the other, an hour apart; the last so many hours ago."""
    deployment = await client.read_deployment_by_name(f"scheduled-session/{name}")
    for number, outcome in enumerate(reversed(outcomes)):
        at = datetime.now(UTC) - timedelta(hours=hours_ago + number)
        run = await client.create_flow_run_from_deployment(deployment.id, state=Scheduled(scheduled_time=at))
        state = as_state(outcome, f"why {outcome}") if isinstance(outcome, Outcome) else State(type=outcome)
        await client.set_flow_run_state(run.id, state, force=True)


async def both_views(client: PrefectClient, *names: str) -> list[SessionView]:
    """What the listing says of some sessions, which is what showing each of them says."""
    now = datetime.now(UTC)
    listed = {view.name: view for view in await list_sessions(client, now)}
    shown = [await show_session(client, name, now) for name in names]
    assert [listed[name] for name in names] == shown
    return shown


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a handful of sessions and runs needs several."""
    monkeypatch.setattr(pages, "PAGE", 2)


async def test_the_state_of_each_session_is_told_by_its_own_runs_however_many_others_there_are(house: House) -> None:
    names = [await house.deploy(f"{house.session}-{kind}") for kind in ("busy", "failing", "seldom", "new")]
    busy, failing, seldom, _ = names
    worked, broke, skipped = Outcome.COMPLETED, Outcome.FAILED, Outcome.SKIPPED_OVERLAP
    async with house.client() as client:
        await run_ended(client, busy, *[worked] * 5)
        await run_ended(client, failing, worked, broke, skipped, Outcome.TIMED_OUT, skipped, Outcome.CRASHED, skipped)
        await run_ended(client, seldom, worked, broke, broke, hours_ago=24 * 40)
        views = await both_views(client, *names)

    assert [view.state.consecutive_errors for view in views] == [0, 3, 2, 0]
    assert [view.state.last_outcome for view in views] == [worked, skipped, broke, None]
    assert [view.state.last_error for view in views] == [None, None, "why failed", None]
    assert [view.last_run.outcome if view.last_run else None for view in views] == [worked, skipped, broke, None]


async def test_a_run_that_is_at_work_is_the_last_run_and_the_state_is_that_of_the_one_before(house: House) -> None:
    name = await house.deploy()
    async with house.client() as client:
        await run_ended(client, name, Outcome.FAILED, StateType.RUNNING)
        (view,) = await both_views(client, name)
    assert view.last_run is not None
    assert (view.last_run.phase, view.last_run.outcome) == ("Running", None)
    assert (view.state.last_outcome, view.state.consecutive_errors) == (Outcome.FAILED, 1)


@pytest.mark.parametrize("kind", ENTRIES)
async def test_every_kind_of_schedule_is_listed_as_it_is_shown(house: House, kind: str) -> None:
    entries = [ScheduleEntry.model_validate(ENTRIES[kind])]
    definition = _named(a_definition(house.session, pool=POOL_WITHOUT_WORKER), "Night watch").model_copy(
        update={"schedules": entries}
    )
    async with house.client() as client:
        await apply_definitions([definition], client, root=house.root)
        (view,) = await both_views(client, house.session)
    assert view.schedule is not None
    assert (view.schedule.kind, view.schedule.timezone) == (kind, entries[0].timezone)
    assert len(view.next_runs) == (1 if kind == "at" else 3)
    assert view.state.next_run_at == view.next_runs[0]
    assert (view.name, view.display_name) == (house.session, "Night watch")


def _named(definition: Definition, display_name: str) -> Definition:
    return definition.model_copy(update={"tags": [f"display-name:{display_name}"]})


async def test_slots_within_a_wait_after_errors_are_one_attempt_at_its_end(house: House) -> None:
    hourly = ScheduleEntry(cron="*/5 * * * *", slug="often")
    definition = a_definition(house.session, pool=POOL_WITHOUT_WORKER, backoff_seconds=[3600])
    async with house.client() as client:
        await apply_definitions([definition.model_copy(update={"schedules": [hourly]})], client, root=house.root)
        await run_ended(client, house.session, Outcome.FAILED)
        (view,) = await both_views(client, house.session)
    first, *later = view.next_runs
    assert timedelta(minutes=59) < first - datetime.now(UTC) <= timedelta(hours=1)
    assert [slot > first for slot in later] == [True, True]
    assert all(slot.minute % 5 == 0 and slot.second == 0 for slot in later)
