"""What keeps the house in order between sessions."""

import asyncio
from datetime import timedelta

import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, LogFilter, LogFilterFlowRunId
from prefect.exceptions import ObjectNotFound
from typer.testing import CliRunner

from cli.main import app
from sessions.run_folder import is_closed, unfinished_runs
from tests.fakes.house import House, Ran
from tests.fakes.obedient import extraction_rule, obedient_script

KEPT_ONCE = {"keep_successful": 1, "keep_failed": 0}


async def left_on_the_server(house: House, ran: Ran) -> list[str]:
    """What the server still has of a run."""
    found = []
    async with house.client() as client:
        try:
            await client.read_flow_run(ran.flow_run.id)
            found.append("flow run")
        except ObjectNotFound:
            pass
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[ran.flow_run.id]))
        found += [str(artifact.key) for artifact in await client.read_artifacts(artifact_filter=of_run)]
        found += [
            entry.message
            for entry in await client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[ran.flow_run.id])))
        ]
    return found


async def test_a_run_that_is_kept_no_longer_is_gone_from_the_disk_and_the_server(house: House) -> None:
    await house.keep_house()  # what other tests left on this server
    await house.deploy(**KEPT_ONCE)
    older = await house.run(prompt="RUN: echo green", delivery=[{"channel": "file", "to": "{run}.md"}])
    newer = await house.run()
    assert "1 old runs deleted" in await house.keep_house()
    assert not older.folder.path.exists()
    assert await left_on_the_server(house, older) == []
    assert newer.folder.path.exists()
    assert len(await left_on_the_server(house, newer)) > 4
    assert "0 old runs deleted" in await house.keep_house()


async def test_what_was_delivered_and_learned_outlives_the_run(house: House) -> None:
    await house.deploy(keep_successful=0)
    ran = await house.run(prompt="RUN: echo green", delivery=[{"channel": "file", "to": "{run}.md"}])
    await house.keep_house()
    assert not ran.folder.path.exists()
    assert (house.home / f"{ran.flow_run.id}.md").exists()
    assert [item.text for item in house.observations()] == ["It was green."]


async def test_a_run_of_which_something_is_still_to_be_remembered_is_kept(house: House) -> None:
    await house.keep_house()  # what other tests left on this server
    await house.deploy(keep_successful=0)
    with house.answering(obedient_script(extraction_rule(error={"type": "overloaded_error"}))):
        ran = await house.run()
        assert "0 old runs deleted" in await house.keep_house()
        assert unfinished_runs(house.home) == [ran.folder.path]
    # Once the model answers, the same housekeeping remembers it and then lets go of it.
    assert "1 old runs deleted" in await house.keep_house()
    assert [item.source.run for item in house.observations()] == [ran.record.run_id]


async def test_a_run_that_could_not_be_learned_from_for_eight_days_is_kept_and_told_of_and_retried(
    house: House,
) -> None:
    await house.keep_house()  # what other tests left on this server
    await house.deploy(keep_successful=0)
    with house.answering(obedient_script(extraction_rule(error={"type": "overloaded_error"}))):
        ran = await house.run()
        ran.folder.record.steps["agent_ended"] -= timedelta(days=8)
        ran.folder.save()
        for _ in range(2):
            assert "0 old runs deleted" in await house.keep_house()
        assert is_closed(ran.folder.path)
        later = await house.run(prompt="SAY: next")
    assert "1 earlier run is not remembered yet" in later.context
    assert f"run {ran.record.run_id}: of {ran.record.session}, is not learned from yet: the" in memory("doctor")
    assert f"{ran.record.session} {ran.record.run_id[:8]}: learned, " in await asyncio.to_thread(memory, "retry")
    assert ran.record.run_id in {item.source.run for item in house.observations()}
    assert "2 old runs deleted" in await house.keep_house()


def memory(command: str) -> str:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["memory", command]).stdout


@pytest.mark.parametrize("count", [0, 3])
async def test_a_home_that_is_gone_or_new_is_no_trouble(house: House, count: int) -> None:
    for _ in range(count):
        (house.home / "runs" / f"empty-{_}").mkdir(parents=True)
    assert (await house.keep_house()).startswith("0 interrupted runs finished")
