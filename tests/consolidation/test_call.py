"""The call itself against the offline model: what it leaves in the run's folder, however it ends."""

import asyncio
import json
from functools import partial
from pathlib import Path

import pytest

from sessions.agent_work import run_agent_once
from sessions.consolidation import consolidation_context
from sessions.learned import Learned
from sessions.learning import extract_once, read_learned, remember_once
from sessions.memory import open_memory
from sessions.offline import Script, open_offline_model
from sessions.preparation import make_task
from sessions.redaction import process_redactor
from sessions.run_folder import RunFolder
from sessions.runners.base import AgentEnd, Stop
from sessions.settings import Settings
from sessions.spec import SessionSpec
from tests.fakes.driving import until
from tests.fakes.observations import an_observation
from tests.fakes.records import SLOT, a_folder, an_agent_run

SPEC = SessionSpec(prompt="Tidy up.", kind="consolidation", runner="anthropic", model="claude-haiku-4-5")
MERGE = {"merges": [{"observations": ["o1", "o2"], "text": "The door is green.", "reason": "the same"}]}


@pytest.fixture(autouse=True)
def _clean_redactor() -> None:
    process_redactor.cache_clear()


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    settings = Settings(home=tmp_path)
    with open_memory(settings.memory_address) as memory:
        memory.remember([an_observation(1, "The door is green."), an_observation(2, "The door is green.")])
    folder = a_folder(tmp_path, spec=SPEC)
    shown = consolidation_context(folder.record, partial(open_memory, settings.memory_address))
    folder.write(folder.context_path, shown.text)
    folder.write(folder.manifest_path, shown.manifest.model_dump_json())
    return folder


async def call(run: RunFolder, **answer: object) -> AgentEnd:
    script = Script.model_validate({"rules": [{"answer": answer}]})
    with open_offline_model(script) as model:
        settings = Settings(
            home=run.path.parent.parent, anthropic_base_url=model.base_url, anthropic_api_key="k", model_retries=0
        )
        context = run.context_path.read_text()
        task = make_task(run, prompt="Tidy up.", context=context, workspace=run.path, settings=settings)
        return await run_agent_once(run, task, settings=settings, now=lambda: SLOT)


def texts(settings: Settings) -> list[str]:
    with open_memory(settings.memory_address) as memory:
        return [item.text for item in memory.latest(agent="main")]


async def test_what_comes_of_it_is_remembered_once_however_often_that_is_tried(run: RunFolder, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    end = await call(run, blocks=[{"text": json.dumps(MERGE)}])
    assert end.stop is Stop.FINISHED
    assert len(texts(settings)) == 2, "the memory is not changed by the call"
    # No model listens any more: what was learned stands in the run's folder.
    learned = await extract_once(run, an_agent_run(), settings=settings, now=SLOT)
    for _ in range(2):
        remember_once(run, learned, settings=settings, now=SLOT)
        run.record.steps.pop("remembered")
    assert texts(settings) == ["The door is green."]
    with open_memory(settings.memory_address) as memory:
        vital = memory.state(agent="main").vitals["consolidation"]
    assert (vital.value, vital.changed_at) == ("1 merge", SLOT)


async def test_a_call_that_is_cut_short_leaves_nothing_to_remember_or_to_extract(
    run: RunFolder, tmp_path: Path
) -> None:
    calling = asyncio.create_task(call(run, blocks=[{"text": json.dumps(MERGE)}], delay_seconds=5))
    await until(run.learned_path.exists)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert read_learned(run) == Learned()
    assert await extract_once(run, an_agent_run(), settings=Settings(home=tmp_path), now=SLOT) == Learned()


async def test_what_is_refused_is_told_and_only_the_rest_is_done(run: RunFolder) -> None:
    wrong = {"merges": [*MERGE["merges"], {"observations": ["o1", "o7"], "text": "x", "reason": ""}]}
    end = await call(run, blocks=[{"text": json.dumps(wrong)}])
    learned = read_learned(run)
    assert (len(learned.changes), learned.left_out_count) == (4, 1)
    assert "## Refused" in end.final_text
    assert "is no observation that was shown" in end.final_text


async def test_a_secret_that_the_answer_holds_does_not_come_into_the_memory(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessions.redaction.os.environ", {"DOOR_TOKEN": "hunter2-hunter2"})
    process_redactor.cache_clear()
    leak = {"insights": [{"observations": ["o1", "o2"], "text": "The word is hunter2-hunter2."}]}
    end = await call(run, blocks=[{"text": json.dumps(leak)}])
    assert "hunter2" not in run.learned_path.read_text() + run.transcript_path.read_text() + end.final_text
