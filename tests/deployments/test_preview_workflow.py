"""A preview shows the workflow where the model will see it."""

import json
from datetime import UTC, datetime
from pathlib import Path

from deployments.preview import preview_session
from sessions.settings import Settings
from tests.fakes.stack import a_definition
from tests.workspace.people import Person, bare_repository

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_preview_begins_with_the_prompts_of_the_workflow(tmp_path: Path) -> None:
    ada = Person.cloning(bare_repository(tmp_path / "workflows.git"), tmp_path / "ada")
    prompts = {"name": "Fix", "systemPrompt": "You fix bugs.", "startupPrompt": "Read the report."}
    ada.pushes("fix/.ambient/ambient.json", json.dumps(prompts))
    folder = {"git_url": str(tmp_path / "workflows.git"), "path": "fix"}
    definition = a_definition("nightly", workflow=folder, prompt="Fix #7.")
    settings = Settings(home=tmp_path / "home", anthropic_base_url="http://127.0.0.1:1")
    seen = preview_session(definition, root=tmp_path, settings=settings, now=NOON)
    assert seen.context.startswith("# Workflow: Fix\n\nYou fix bugs.\n\n# ")
    assert seen.prompt == "Read the report.\n\nFix #7."
