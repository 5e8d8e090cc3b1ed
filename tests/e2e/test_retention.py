"""What is kept of runs, and that what is not is really gone: on the server, on the disk, in the mirrors."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.schemas.actions import LogCreate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowFilter,
    FlowFilterName,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import State, StateType

from deployments.apply import apply_definitions
from deployments.definitions import Definition
from deployments.ledger import read_ledger
from flows.dispatch import dispatch
from sessions.outcome import Outcome
from tests.e2e.scheduling import TURNED_AWAY, deployed, runs_of
from tests.fakes.house import POOL_WITHOUT_WORKER, House
from tests.fakes.stack import a_definition
from tests.workspace.people import Person, bare_repository, git

CLEAN_SECONDS = 15
DECIDED = State[None](type=StateType.COMPLETED, name="Dispatched")
BROKE = State[None](type=StateType.FAILED)


async def log_line(house: House, run_id: UUID) -> None:
    line = LogCreate(name="x", level=20, message="m", timestamp=datetime.now(UTC), flow_run_id=run_id)
    async with house.client() as client:
        await client.create_logs([line])


async def logs_and_artifacts(house: House, run_id: UUID) -> tuple[int, int]:
    async with house.client() as client:
        logs = await client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id])))
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
        return len(logs), len(await client.read_artifacts(artifact_filter=of_run))


async def test_a_run_that_is_kept_no_longer_takes_its_logs_artifacts_and_workspace_with_it_but_no_unpushed_commit(
    house: House, tmp_path: Path
) -> None:
    await house.keep_house()  # what other tests left on this server
    origin = bare_repository(tmp_path / "origin.git")
    Person.cloning(origin, tmp_path / "clone").pushes("door.txt", "green\n", "Paint the door")
    await house.deploy(keep_successful=1, repos=[{"url": str(origin)}])
    old, new = [await house.run(prompt=f"RUN: echo {n} > door.txt") for n in (1, 2)]
    for ran in (old, new):
        await log_line(house, ran.flow_run.id)
        assert await logs_and_artifacts(house, ran.flow_run.id) == (1, 5)
    (mirror,) = (path.parent for path in (house.home / "mirrors").glob("*/HEAD"))
    branches = [f"sessions/{house.session}/{ran.record.run_id[-12:]}" for ran in (old, new)]
    (old.folder.workspace_path / "cache").mkdir(parents=True)
    (old.folder.workspace_path / "cache").chmod(0o500)
    assert "1 old runs deleted" in await house.keep_house()
    left_runs = [run.id for run in await runs_of(house, new.flow_run.deployment_id) if not run.auto_scheduled]
    assert left_runs == [new.flow_run.id]
    assert (old.folder.path.exists(), new.folder.path.exists()) == (False, True)
    assert [git(mirror, "show", f"{branch}:door.txt") for branch in branches] == ["1", "2"]
    assert f"a branch of other runs was never pushed; see: git -C {mirror} branch" in new.report
    for _ in range(CLEAN_SECONDS * 10):
        # The server deletes logs in the background.
        if await logs_and_artifacts(house, old.flow_run.id) == (0, 0):
            break
        await asyncio.sleep(0.1)
    assert await logs_and_artifacts(house, old.flow_run.id) == (0, 0)
    assert await logs_and_artifacts(house, new.flow_run.id) == (1, 5)


async def test_what_became_of_a_deleted_run_is_still_told(house: House) -> None:
    await house.keep_house()  # what other tests left on this server
    name = await house.deploy(keep_successful=0, starting_deadline_seconds=0)
    first, second = [await house.finish(await house.miss_a_slot(session=name)), await house.run(session=name)]
    assert "2 old runs deleted" in await house.keep_house()
    third = await house.run(session=name)
    assert "1 old runs deleted" in await house.keep_house()
    async with house.client() as client:
        rows = await read_ledger(client, name, now=datetime.now(UTC), days=7)
    told = {row.id: (row.origin, row.outcome) for row in rows}
    assert told == {
        str(first.flow_run.id): ("schedule", Outcome.COMPLETED),
        str(second.flow_run.id): ("trigger", Outcome.COMPLETED),
        str(third.flow_run.id): ("trigger", Outcome.COMPLETED),
    }


async def test_nothing_of_a_running_waiting_or_unfinished_run_is_deleted(house: House) -> None:
    await house.keep_house()  # what other tests left on this server
    name = await house.deploy(keep_successful=0, keep_failed=0)
    ids = [await house.ask_for(session=name) for _ in range(4)]
    kinds = (StateType.RUNNING, StateType.SCHEDULED, StateType.PAUSED, StateType.PENDING)
    async with house.client() as client:
        for run_id, kind in zip(ids, kinds, strict=True):
            await client.set_flow_run_state(run_id, State(type=kind), force=True)
    assert "0 old runs deleted" in await house.keep_house()
    async with house.client() as client:
        assert [(await client.read_flow_run(run_id)).state_type for run_id in ids] == list(kinds)


async def test_skipped_runs_are_kept_for_thirty_days_however_many(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await house.deploy(keep_successful=0, keep_failed=0)
    skipped = {await house.ask_for(session=name) for _ in range(3)}
    async with house.client() as client:
        deployment = await deployed(client, name)
        for run_id in skipped:
            await client.set_flow_run_state(run_id, TURNED_AWAY, force=True)
    for days, kept in ((29, skipped), (31, set())):
        later = datetime.now(UTC) + timedelta(days=days)
        monkeypatch.setattr("tasks.history.utc_now", lambda later=later: later)
        await house.keep_house()
        assert {run.id for run in await runs_of(house, deployment.id)} & skipped == kept


async def test_runs_that_a_limit_stopped_are_kept_by_count_and_those_that_never_began_by_age(house: House) -> None:
    await house.keep_house()  # what other tests left on this server
    name = await house.deploy(keep_failed=1, max_turns=1, runs_per_day=2)
    runs = [await house.run(session=name) for _ in range(3)]
    stops = [
        (Outcome.STOPPED.state_name, True),
        (Outcome.STOPPED.state_name, True),
        (Outcome.OVER_BUDGET.state_name, False),
    ]
    assert [(ran.state.name, ran.folder.transcript_path.exists()) for ran in runs] == stops
    assert "1 old runs deleted" in await house.keep_house()
    assert [ran.folder.path.exists() for ran in runs] == [False, True, True]


async def test_runs_are_kept_for_each_schedule_with_those_that_were_triggered_for_it(house: House) -> None:
    await house.keep_house()  # what other tests left on this server
    given = a_definition(house.session, pool=POOL_WITHOUT_WORKER, keep_successful=1, starting_deadline_seconds=0)
    both = [{"cron": "0 2 * * *", "slug": "nightly"}, {"cron": "0 3 1 1 *", "slug": "yearly"}]
    definition = Definition.model_validate(given.model_dump(exclude_none=True) | {"schedules": both})
    async with house.client() as client:
        (applied,) = await apply_definitions([definition], client=client, root=house.root)
    yearly = await triggered(house, applied.deployment_id, "schedule:yearly")
    due = (await house.finish(await house.miss_a_slot())).flow_run.id
    nightly = await triggered(house, applied.deployment_id, "schedule:nightly")
    wish, newer_wish = [await triggered(house, applied.deployment_id) for _ in range(2)]
    assert "2 old runs deleted" in await house.keep_house()
    left = {run.id for run in await runs_of(house, applied.deployment_id)}
    assert {yearly, due, nightly, wish, newer_wish} & left == {yearly, nightly, newer_wish}


async def triggered(house: House, deployment_id: UUID, *tags: str) -> UUID:
    async with house.client() as client:
        run = await client.create_flow_run_from_deployment(deployment_id, tags=tags)
    return (await house.finish(run.id)).flow_run.id


async def test_files_of_a_run_that_the_server_knows_no_more_go_after_thirty_days(house: House) -> None:
    await house.keep_house()  # what other tests left on this server
    ran = await house.run()
    async with house.client() as client:
        await client.delete_flow_run(ran.flow_run.id)
    await house.keep_house()
    assert ran.folder.path.exists()
    long_ago = (datetime.now(UTC) - timedelta(days=31)).timestamp()
    os.utime(ran.folder.path / "closed", (long_ago, long_ago))
    assert "1 old runs deleted" in await house.keep_house()
    assert not ran.folder.path.exists()


async def test_the_history_of_a_session_that_was_deleted_goes_too(house: House) -> None:
    await house.keep_house()  # what other tests left on this server
    ran = await house.run()
    async with house.client() as client:
        await client.delete_deployment(ran.flow_run.deployment_id)
    assert "1 old runs deleted" in await house.keep_house()
    # The server may have been about to schedule more.
    left = await runs_of(house, ran.flow_run.deployment_id)
    assert [run for run in left if not run.auto_scheduled] == []
    assert not ran.folder.path.exists()


async def test_a_run_that_was_scheduled_while_its_session_was_deleted_is_taken_away(house: House) -> None:
    run_id = await house.ask_for()
    async with house.client() as client:
        # Deleting a session deletes what is scheduled; this one comes after that, as from Prefect's scheduler.
        await client.set_flow_run_state(run_id, State(type=StateType.PENDING), force=True)
        run = await client.read_flow_run(run_id)
        await client.delete_deployment(run.deployment_id)
        await client.set_flow_run_state(run_id, State(type=StateType.SCHEDULED), force=True)
        assert [left.id for left in await runs_of(house, run.deployment_id) if not left.auto_scheduled] == [run_id]
    await house.keep_house()
    assert await runs_of(house, run.deployment_id) == []


async def test_the_newest_runs_of_a_dispatch_and_of_housekeeping_itself_are_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.other_flows.KEEP_DECISIONS", 2)
    async with house.client() as client:
        went = [await client.create_flow_run(dispatch, parameters={"rules": []}, state=DECIDED) for _ in range(4)]
        broke = [await client.create_flow_run(dispatch, parameters={"rules": []}, state=BROKE) for _ in range(3)]
        at_work = await client.create_flow_run(dispatch, parameters={"rules": []}, state=State(type=StateType.RUNNING))
    for _ in range(4):
        await house.keep_house()
    async with house.client() as client:
        of_dispatch = FlowFilter(name=FlowFilterName(any_=["dispatch"]))
        left = {run.id for run in await client.read_flow_runs(flow_filter=of_dispatch)}
        assert left & {run.id for run in went} == {run.id for run in went[2:]}
        assert left & {run.id for run in broke} == {run.id for run in broke[1:]}
        assert at_work.id in left
        of_house = FlowFilter(name=FlowFilterName(any_=["housekeeping"]))
        # Those that were kept, and the last, which was not over when it counted.
        assert len(await client.read_flow_runs(flow_filter=of_house)) == 3
        await client.delete_flow_run(at_work.id)
