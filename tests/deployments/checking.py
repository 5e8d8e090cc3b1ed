"""Checks a definition as `sessions check` does, at a time that stands still."""

from datetime import UTC, datetime
from pathlib import Path

from deployments.check import check_files
from deployments.problems import Problem
from sessions.settings import Settings
from tests.deployments.definition_files import write_definition_file

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
PROMPT_LINE = "prompt_file: deployments/prompts/nightly.md"
LIMIT = "concurrency_limit: {limit: 1, collision_strategy: CANCEL_NEW}"
SCHEDULE = '{cron: "0 2 * * *", timezone: Europe/Berlin, slug: "nightly"}'


def check_text(root: Path, text: str, settings: Settings | None = None) -> list[Problem]:
    path = write_definition_file(root, text)
    return check_files([path], settings or Settings(), root=root, now=NOW)


def only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, "\n".join(map(str, problems))
    return problems[0]


def line_with(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)
