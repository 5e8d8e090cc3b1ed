"""A workflow leads what the model is told, on a real server."""

import json
from pathlib import Path

import pytest

from sessions.outcome import Outcome
from tests.fakes.house import House
from tests.workspace.people import Person, bare_repository

FILE = "fix/.ambient/ambient.json"
FIX = {"name": "Fix", "systemPrompt": "You fix one bug, test first.", "startupPrompt": "RUN: echo begun"}


@pytest.fixture
def ada(tmp_path: Path) -> Person:
    return Person.cloning(bare_repository(tmp_path / "workflows.git"), tmp_path / "ada")


def workflow_in(tmp_path: Path) -> dict[str, str]:
    return {"git_url": str(tmp_path / "workflows.git"), "path": "fix"}


@pytest.mark.parametrize("runner", ["anthropic", "claude-agent-sdk"])
async def test_its_prompts_come_before_the_sessions_own_in_what_the_model_gets(
    house: House, ada: Person, tmp_path: Path, runner: str
) -> None:
    sha = ada.pushes(FILE, json.dumps(FIX | {"results": {}}))
    ran = await house.run(workflow=workflow_in(tmp_path), runner=runner, prompt="SAY: fixed")
    assert ran.record.outcome is Outcome.COMPLETED
    asked = house.asked()[0]
    assert asked.prompt == "RUN: echo begun\n\nSAY: fixed"
    assert "# Workflow: Fix\n\nYou fix one bug, test first.\n\n# " in json.dumps(
        house.model.requests[0].body["system"], ensure_ascii=False
    ).replace("\\n", "\n")
    assert house.asked()[-1].results[0].strip() == "begun"
    assert ran.context.startswith("# Workflow: Fix\n\nYou fix one bug")
    assert f"Fix, {tmp_path / 'workflows.git'} fix at {sha[:8]}" in ran.report
    assert "also holds results, which has no effect here" in ran.log


async def test_a_workflow_that_is_none_fails_the_run_before_a_token_is_spent(
    house: House, ada: Person, tmp_path: Path
) -> None:
    ada.pushes(FILE, "{")
    ran = await house.run(workflow=workflow_in(tmp_path))
    assert ran.record.outcome is Outcome.FAILED
    assert "fix/.ambient/ambient.json: Invalid JSON" in (ran.state.message or "")
    assert house.model.requests == []


async def test_a_changed_workflow_is_a_change_to_the_gate(house: House, ada: Person, tmp_path: Path) -> None:
    ada.pushes(FILE, json.dumps(FIX))
    given = {"workflow": workflow_in(tmp_path), "change_gate": "echo same", "starting_deadline_seconds": 0}
    names = [await house.deploy(f"{house.session}-{number}", **given) for number in range(2)]
    for name in names:
        await house.run(session=name)
    assert (await house.finish(await house.miss_a_slot(session=names[0]))).record.outcome is Outcome.NO_CHANGE
    ada.pushes(FILE, json.dumps(FIX | {"systemPrompt": "You fix two bugs."}))
    assert (await house.finish(await house.miss_a_slot(session=names[1]))).record.outcome is Outcome.COMPLETED
