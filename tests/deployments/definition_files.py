"""A repository with definitions in it, to be checked and deployed."""

from pathlib import Path

GOOD = """\
deployments:
  - name: nightly
    description: Looks at the code.
    entrypoint: flows/scheduled_session.py:scheduled_session
    schedules:
      - {cron: "0 2 * * *", timezone: Europe/Berlin, slug: "nightly"}
    concurrency_limit: {limit: 1, collision_strategy: CANCEL_NEW}
    work_pool: {name: sessions}
    parameters:
      prompt_file: deployments/prompts/nightly.md
      temperature: 0.7
      max_tokens: 4000
      timeout_seconds: 300
"""


def write_repository(root: Path) -> Path:
    """A root with one prompt; returns it."""
    prompts = root / "deployments" / "prompts"
    prompts.mkdir(parents=True)
    (prompts / "nightly.md").write_text("Look at the code.\n", encoding="utf-8")
    return root


def write_definition_file(root: Path, text: str = GOOD, name: str = "nightly.yaml") -> Path:
    """A definition file under the root."""
    path = root / "deployments" / name
    path.write_text(text, encoding="utf-8")
    return path


def changed(old: str, new: str, text: str = GOOD) -> str:
    """The good definition with one place changed."""
    assert old in text, f"{old!r} stands nowhere in it"
    return text.replace(old, new, 1)
