"""Due once, waiting after errors, retention: with the server's own scheduler, and runs that a worker starts."""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.apply import apply_definitions
from deployments.definitions import Definition, load_definitions
from hooks.interrupted import HOUSEKEEPING
from sessions.run_folder import runs_folder
from tests.e2e.scheduling import make_runs
from tests.fakes.stack import CHECKOUT, Stack, a_definition, run_test_stack

SECONDS = 90
TOO_SLOW = {"prompt": "RUN: sleep 30", "timeout_seconds": 1}


@pytest.fixture(scope="module")
def keeping_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, since the housekeeping that it runs would tidy up behind other tests too."""
    with run_test_stack(tmp_path_factory.mktemp("worker"), load_definitions(CHECKOUT / "prefect.yaml")) as running:
        yield running


async def deploy(client: PrefectClient, stack: Stack, definition: Definition) -> UUID:
    (applied,) = await apply_definitions([definition], client=client, root=stack.root)
    return applied.deployment_id


async def runs(client: PrefectClient, deployment_id: UUID) -> list[FlowRun]:
    which = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment_id]))
    return await client.read_flow_runs(flow_run_filter=which, sort=FlowRunSort.EXPECTED_START_TIME_ASC)


async def runs_once(
    client: PrefectClient, deployment_id: UUID, holds: Callable[[list[FlowRun]], object]
) -> list[FlowRun]:
    """The runs of a deployment by slot, once something holds of them."""
    give_up = time.monotonic() + SECONDS
    while not holds(found := await runs(client, deployment_id)):
        assert time.monotonic() < give_up, [(run.state_name, run.expected_start_time) for run in found]
        await asyncio.sleep(0.3)
    return found


def named(found: list[FlowRun], *names: str) -> list[FlowRun]:
    return [run for run in found if run.state_name in names]


async def trigger(client: PrefectClient, deployment_id: UUID, **parameters: object) -> FlowRun:
    """Have the worker run a deployment, and wait for its end."""
    asked = await client.create_flow_run_from_deployment(deployment_id, parameters=parameters)

    def is_over(found: list[FlowRun]) -> bool:
        return any(run.id == asked.id and run.state and run.state.is_final() for run in found)

    return next(run for run in await runs_once(client, deployment_id, is_over) if run.id == asked.id)


async def keep_house(client: PrefectClient) -> None:
    housekeeping = await client.read_deployment_by_name(HOUSEKEEPING)
    # One that comes while another is at work, which a session may ask for at its end, is turned away.
    for _ in range(30):
        if (await trigger(client, housekeeping.id)).state_type is StateType.COMPLETED:
            return
        await asyncio.sleep(1)
    raise AssertionError("housekeeping did not run")


async def test_one_that_is_due_once_runs_at_its_moment_and_is_gone_after_it(keeping_house: Stack) -> None:
    at = (datetime.now(UTC) + timedelta(seconds=20)).replace(microsecond=0)
    rule = f"DTSTART:{at:%Y%m%dT%H%M%S}\nRRULE:FREQ=DAILY;COUNT=1"
    raw = a_definition("due-once", agent="once", delete_after_run=True).model_dump(exclude_none=True)
    definition = Definition.model_validate(raw | {"schedules": [{"rrule": rule, "timezone": "UTC", "slug": "once"}]})
    with temporary_settings({PREFECT_API_URL: keeping_house.url}):
        async with get_client() as client:
            once = await deploy(client, keeping_house, definition)
            (ran,) = await runs_once(client, once, lambda found: named(found, "Completed"))
            assert ran.auto_scheduled
            assert ran.expected_start_time == at
            assert ran.start_time is not None
            assert ran.start_time - at < timedelta(seconds=20)
            await keep_house(client)
            with pytest.raises(ObjectNotFound):
                await client.read_deployment(once)
            assert [run.id for run in await runs(client, once)] == [ran.id]
    assert keeping_house.folder(ran.id).report_path.exists()


async def test_after_an_error_the_schedule_waits_and_then_makes_one_attempt(keeping_house: Stack) -> None:
    definition = a_definition("waits-after-errors", agent="waits", backoff_seconds=[20], **TOO_SLOW)
    with temporary_settings({PREFECT_API_URL: keeping_house.url}):
        async with get_client() as client:
            waits = await deploy(client, keeping_house, definition)
            (schedule,) = (await client.read_deployment(waits)).schedules
            every = IntervalSchedule(interval=timedelta(seconds=5), anchor_date=datetime.now(UTC))
            await client.update_deployment_schedule(waits, schedule.id, schedule=every)
            await make_runs(client, waits)
            found = await runs_once(client, waits, lambda found: len(named(found, "TimedOut")) > 1)
            await client.delete_deployment(waits)
    first, attempt, *_ = named(found, "TimedOut")
    assert first.end_time is not None
    assert (first.auto_scheduled, attempt.auto_scheduled) == (True, False)
    assert attempt.expected_start_time == first.end_time + timedelta(seconds=20)
    assert attempt.start_time is not None
    # A worker begins a run up to a moment before its time.
    assert attempt.start_time >= attempt.expected_start_time - timedelta(seconds=1)
    meanwhile = [run for run in found if first.end_time < run.expected_start_time < attempt.expected_start_time]
    # A slot may find the one before it still at work with being put off.
    assert {run.state_type for run in meanwhile} == {StateType.CANCELLED}
    assert len(named(meanwhile, "BackingOff")) >= 2


async def test_what_is_kept_no_longer_goes_with_its_files_when_the_worker_keeps_house(keeping_house: Stack) -> None:
    definition = a_definition("kept-by-count", agent="kept", keep_successful=1, keep_failed=1)
    with temporary_settings({PREFECT_API_URL: keeping_house.url}):
        async with get_client() as client:
            kept = await deploy(client, keeping_house, definition)
            ran = [await trigger(client, kept, **given) for given in ({}, TOO_SLOW, {}, TOO_SLOW)]
            assert [run.state_name for run in ran] == ["Completed", "TimedOut", "Completed", "TimedOut"]
            await keep_house(client)
            left = [run.id for run in await runs(client, kept) if not run.auto_scheduled]
    assert sorted(left) == sorted(run.id for run in ran[2:])
    folders = [(runs_folder(keeping_house.home) / str(run.id)).exists() for run in ran]
    assert folders == [False, False, True, True]
