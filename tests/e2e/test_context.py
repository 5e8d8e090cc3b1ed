"""What a real run's agent starts with: the very document that the preview shows, with its manifest beside it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.states import Scheduled

from deployments.apply import apply_definitions
from deployments.preview import preview_session
from sessions.context import Manifest
from sessions.memory import open_memory
from sessions.memory.changes import Change
from sessions.outcome import Outcome
from sessions.settings import read_settings
from tests.fakes.house import POOL_WITHOUT_WORKER, House, Ran
from tests.fakes.materials import belief, faded, project, thread, vital
from tests.fakes.stack import a_definition
from tests.workspace.people import Person, bare_repository

SLOT = datetime(2026, 11, 20, 2, 0, 7, tzinfo=UTC)


def remember(*changes: Change) -> None:
    with open_memory(read_settings().memory_address) as memory:
        memory.apply(changes)


def set_clock(house: House, moment: datetime) -> None:
    """When the next runs are opened."""
    house.monkeypatch.setattr("flows.scheduled_session.utc_now", lambda: moment)


async def run_at_its_slot(house: House, session: str) -> Ran:
    """A run that was due and begins at SLOT."""
    set_clock(house, SLOT)
    async with house.client() as client:
        deployment = await client.read_deployment_by_name(f"scheduled-session/{session}")
        run = await client.create_flow_run_from_deployment(deployment.id, state=Scheduled(scheduled_time=SLOT))
    return await house.finish(run.id)


async def context_artifact(house: House, run_id: UUID) -> str:
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
    async with house.client() as client:
        shown = await client.read_artifacts(artifact_filter=of_run)
    return next(str(each.data) for each in shown if str(each.key).endswith("-context"))


async def test_the_preview_and_the_run_agree_byte_for_byte(house: House) -> None:
    origin = bare_repository(house.home.parent / "origin.git")
    Person.cloning(origin, house.home.parent / "clone").pushes("door.txt", "green\n", "Paint the door")
    (house.root / "maintenance.md").write_text("- Oil the hinges.\n")
    parameters = {"repos": [{"url": str(origin)}], "maintenance_file": "maintenance.md", "prompt": "SAY: hello"}
    definition = a_definition(house.session, pool=POOL_WITHOUT_WORKER, **parameters)
    definition = definition.model_copy(update={"schedules": []})
    async with house.client() as client:
        await apply_definitions([definition], client=client, root=house.root)
    remember(belief(1), belief(2), faded(2, "wrong"), thread(1), project("kit", "drafted"), vital("mood", "calm"))
    set_clock(house, SLOT - timedelta(days=1))
    await house.run(session=house.session, prompt="RUN: echo green", repos=[])
    await house.run(session=house.session, prompt="RUN: sleep 60", timeout_seconds=1, repos=[])
    previewed = preview_session(definition, root=house.root, settings=read_settings(), now=SLOT)
    ran = await run_at_its_slot(house, house.session)
    assert ran.record.outcome is Outcome.COMPLETED
    assert ran.context == previewed.context
    for words in ("It was green.", "Oil the hinges.", "Paint the door", "failing streak", "Question 1?", "drafted"):
        assert words in ran.context
    assert any(ran.context.strip() in request.system_text for request in house.asked())


async def test_the_manifest_is_kept_with_the_run_and_shown_below_its_context(house: House) -> None:
    remember(thread(1), thread(2, "discuss"))
    await house.run(prompt="RUN: echo green")
    ran = await house.run(prompt="SAY: hello")
    manifest = Manifest.model_validate_json(ran.folder.manifest_path.read_bytes())
    green = next(item for item in house.observations() if item.text == "It was green.")
    weighed = {each.id: (each.kind, each.left_out) for each in manifest.candidates}
    assert weighed[green.id] == ("observation", "")
    assert weighed["thread-1"] == ("thread", "")
    assert weighed["thread-2"] == ("thread", "waits for a session with a person")
    shown = await context_artifact(house, ran.flow_run.id)
    assert shown.startswith(ran.context.strip())
    assert "<summary>What went in, and why</summary>" in shown
    assert green.id in shown


async def test_what_waits_for_a_person_reaches_no_run_without_one(house: House) -> None:
    remember(thread(1), thread(2, "discuss"), thread(3, "experiment"))
    ran = await house.run(prompt="SAY: hello")
    assert [f"Question {number}?" in ran.context for number in (1, 2, 3)] == [True, False, True]


@pytest.mark.parametrize(
    ("file", "sentence"),
    [("gone.md", "gone.md cannot be read as text"), ("../x.md", "outside the repository")],
)
async def test_a_maintenance_list_that_cannot_be_read_is_named(house: House, file: str, sentence: str) -> None:
    ran = await house.run(prompt="SAY: hello", maintenance_file=file)
    assert ran.record.outcome is Outcome.FAILED if ran.kept else ran.state.is_failed()
    assert sentence in (ran.state.message or "")
    assert house.asked() == []
