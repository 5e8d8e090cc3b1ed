import re
from pathlib import Path

import pytest

from deployments.check import check_files, errors_in
from deployments.checked import load_checked
from deployments.definitions import find_definitions
from deployments.problems import Problem
from sessions.settings import Settings
from tests.deployments.checking import NOW, SCHEDULE, check_text, line_with, only
from tests.deployments.definition_files import GOOD, changed, write_repository
from tests.deployments.wrong_definitions import WRONG


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_repository(tmp_path)


def test_a_good_definition_has_no_problem(root: Path) -> None:
    assert check_text(root, GOOD) == []


def test_a_problem_prints_as_file_line_field_and_remedy(root: Path) -> None:
    text = changed("temperature: 0.7", "temperature: 1.5")

    problem = only(check_text(root, text))

    file, line = root / "deployments" / "nightly.yaml", line_with(text, "temperature")
    wanted = f"{file}:{line}: parameters.temperature: 1.5 is too high for Claude Sonnet 4.5; it takes 0 to 1"
    assert str(problem) == wanted


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_with_its_line_its_field_and_a_remedy(root: Path, case: str) -> None:
    old, new, field, remedy = WRONG[case]
    text = changed(old, new)

    problem = only(check_text(root, text))

    assert problem.severity == "error"
    assert problem.field == field
    assert remedy in problem.message
    assert stands_at(problem, text)


def stands_at(problem: Problem, text: str) -> bool:
    """Whether the line of the problem is that of its key, of its item in a list, or of what lacks the key."""
    lines, key = text.splitlines(), re.sub(r"\[\d+\]", "", problem.field).split(".")[-1]
    if f"{key}:" not in text:
        return lines[problem.line - 1].strip() in ("parameters:", "- name: nightly")
    before = (
        problem.line - 2 if problem.field.endswith("]") and "[" not in lines[problem.line - 1] else problem.line - 1
    )
    return f"{key}:" in lines[before]


@pytest.mark.parametrize(
    ("old", "new", "field", "part"),
    [
        ("4000", "99", "parameters.max_tokens", "usual are 100 to 8,000"),
        ("4000", "8001", "parameters.max_tokens", "usual are 100 to 8,000"),
        ("300", "59", "parameters.timeout_seconds", "usual are 60 to 1,800"),
        ("300", "1801", "parameters.timeout_seconds", "usual are 60 to 1,800"),
        ("300", "0", "parameters.timeout_seconds", "sets no end"),
        (
            'cron: "0 2 * * *"',
            'rrule: "DTSTART:20200101T090000\\nRRULE:FREQ=DAILY;COUNT=1"',
            "schedules[0].rrule",
            "is past",
        ),
        (f"    schedules:\n      - {SCHEDULE}\n", "", "schedules", "only when it is triggered"),
    ],
)
def test_what_is_unusual_is_a_warning_that_stops_nothing(root: Path, old: str, new: str, field: str, part: str) -> None:
    problems = check_text(root, changed(old, new))

    problem = only(problems)
    assert (problem.severity, problem.field) == ("warning", field)
    assert part in problem.message
    assert ": warning: " in str(problem)
    assert errors_in(problems) == []
    assert [definition.name for definition in load_checked(find_definitions(root), root, Settings())] == ["nightly"]


@pytest.mark.parametrize(
    "addition",
    [
        "model: anthropic/claude-opus-4-5",
        "repos: [{url: 'git@example.org:me/it.git'}, {url: 'ssh://git@example.org/it.git'}, {url: ../other}]",
        "delivery: [{channel: telegram, to: '-1001234567890:topic:42', best_effort: true}]",
        "delivery: [{channel: slack}, {channel: discord}, {channel: file, to: 'r/{session}/{slot}.md'}]",
        "delivery: [{channel: webhook, to: '${HOOK}'}, {channel: webhook, to: 'https://example.org/x?y=1'}]",
        "allowed_tools: [Read, 'Bash(git log:*)', WebFetch]",
        "delivery: [{channel: apprise, to: 'tgram://${BOT}/123'}, {channel: apprise, to: 'json://example.org'}]",
    ],
)
def test_what_is_right_passes(root: Path, addition: str) -> None:
    assert check_text(root, changed("temperature: 0.7", addition)) == []


def test_secrets_from_a_block_in_a_pull_step_are_left_to_prefect(root: Path) -> None:
    pull = "pull: [{git_clone: {repository: r, access_token: '{{ prefect.blocks.secret.token }}'}}]"

    assert check_text(root, changed("work_pool:", f"{pull}\n    work_pool:")) == []


def test_the_shipped_definitions_pass_without_a_warning() -> None:
    repository = Path(__file__).resolve().parents[2]
    paths = find_definitions(repository)

    assert [path.stem for path in paths] == [
        "consolidation",
        "dependency-scan",
        "dispatch",
        "documentation-update",
        "issue-triage",
        "nightly-code-health",
        "regression-check",
    ]
    assert check_files(paths, Settings(), root=repository, now=NOW) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("maintenance_file: gone.md", "gone.md does not exist"),
        ("maintenance_file: ../gone.md", "outside the repository"),
        ("kind: tidy", "kind"),
        ("kind: consolidation\n      max_turns: 3", "is for sessions in which an agent works"),
    ],
)
def test_a_maintenance_list_and_a_kind_of_session_are_checked(root: Path, given: str, words: str) -> None:
    text = changed("      temperature", f"      {given}\n      temperature")
    found = [str(problem) for problem in check_text(root, text)]

    assert len(found) == 1
    assert words in found[0]
