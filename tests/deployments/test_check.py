import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployments.check import check_files, errors_in
from deployments.checked import load_checked
from deployments.definitions import find_definitions, load_definitions
from deployments.problems import Problem
from sessions.errors import SpecError
from sessions.settings import Settings
from tests.deployments.definition_files import GOOD, changed, write_definition_file, write_repository

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
PROMPT_LINE = "prompt_file: deployments/prompts/nightly.md"
LIMIT = "concurrency_limit: {limit: 1, collision_strategy: CANCEL_NEW}"
SCHEDULE = '{cron: "0 2 * * *", timezone: Europe/Berlin, slug: "nightly"}'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_repository(tmp_path)


def check_text(root: Path, text: str, settings: Settings | None = None) -> list[Problem]:
    path = write_definition_file(root, text)
    return check_files([path], settings or Settings(), root=root, now=NOW)


def only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, "\n".join(map(str, problems))
    return problems[0]


def line_with(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def test_a_good_definition_has_no_problem(root: Path) -> None:
    assert check_text(root, GOOD) == []


def test_a_problem_prints_as_file_line_field_and_remedy(root: Path) -> None:
    text = changed("temperature: 0.7", "temperature: 1.5")

    problem = only(check_text(root, text))

    file, line = root / "deployments" / "nightly.yaml", line_with(text, "temperature")
    wanted = f"{file}:{line}: parameters.temperature: 1.5 is too high for Claude Sonnet 4.5; it takes 0 to 1"
    assert str(problem) == wanted


WRONG = {
    "deletion after a run that is not the only one": (
        "temperature: 0.7",
        "temperature: 0.7\n      delete_after_run: true",
        "parameters.delete_after_run",
        "due once",
    ),
    "a wait that is negative": (
        "temperature: 0.7",
        "temperature: 0.7\n      backoff_seconds: [30, -1]",
        "parameters.backoff_seconds[1]",
        "0",
    ),
    "workflow without its repository": (
        "temperature: 0.7",
        "workflow: {path: bugfix}",
        "parameters.workflow",
        "git_url: is missing",
    ),
    "workflow with a password": (
        "temperature: 0.7",
        "workflow: {git_url: 'https://ann:secret@example.org/x.git'}",
        "parameters.workflow.git_url",
        "holds credentials",
    ),
    "workflow with a misspelt field": (
        "temperature: 0.7",
        "workflow: {git_url: ., folder: bugfix}",
        "parameters.workflow.folder",
        "is not known; known are git_url, branch, path",
    ),
    "change gate on repositories that are none": (
        "temperature: 0.7",
        "change_gate: repos",
        "parameters.change_gate",
        "there are none; add to repos",
    ),
    "change gate with nothing kept to compare with": (
        "temperature: 0.7",
        "change_gate: git log -1\n      keep_successful: 0",
        "parameters.change_gate",
        "set keep_successful to 1 or more",
    ),
    "change gate with a password": (
        "temperature: 0.7",
        "change_gate: https://ann:secret@example.org/feed",
        "parameters.change_gate",
        "holds a name or password",
    ),
    "change gate with a variable": (
        "temperature: 0.7",
        "change_gate: https://example.org/${FEED}",
        "parameters.change_gate",
        "write a command",
    ),
    "cron that is none": ('"0 2 * * *"', '"99 2 * * *"', "schedules[0].cron", "it takes 0 to 59"),
    "cron that never comes": ('"0 2 * * *"', '"0 0 31 2 *"', "schedules[0].cron", "never comes"),
    "cron of six fields": ('"0 2 * * *"', '"0 0 2 * * *"', "schedules[0].cron", "five"),
    "unknown timezone": ("Europe/Berlin", "Europe/Berlim", "schedules[0].timezone", "did you mean Europe/Berlin?"),
    "unknown parameter": (
        "temperature: 0.7",
        "temprature: 0.7",
        "parameters.temprature",
        "is not known; did you mean temperature?",
    ),
    "unknown deployment key": ("work_pool:", "work_poll: 1\n    work_pool:", "work_poll", "did you mean work_pool?"),
    "unknown schedule key": ("timezone:", "time_zone: UTC, timezone:", "schedules[0].time_zone", "did you mean"),
    "missing prompt": (f"      {PROMPT_LINE}\n", "", "parameters.prompt", "is missing; say in prompt or prompt_file"),
    "blank prompt": (PROMPT_LINE, 'prompt: "  "', "parameters.prompt", "is blank"),
    "both prompt kinds": (
        PROMPT_LINE,
        f"prompt: Look.\n      {PROMPT_LINE}",
        "parameters.prompt_file",
        "stands beside prompt; keep one of the two",
    ),
    "prompt file that is missing": (
        "nightly.md",
        "nigthly.md",
        "parameters.prompt_file",
        "does not exist; did you mean nightly.md?",
    ),
    "prompt file outside": (
        "deployments/prompts/nightly.md",
        "../outside.md",
        "parameters.prompt_file",
        "is outside the repository",
    ),
    "prompt file by absolute path": (
        "deployments/prompts/nightly.md",
        "/etc/hostname",
        "parameters.prompt_file",
        "is outside the repository",
    ),
    "prompt file that is a folder": (
        "deployments/prompts/nightly.md",
        "deployments/prompts",
        "parameters.prompt_file",
        "is a folder",
    ),
    "temperature for Claude": ("0.7", "1.5", "parameters.temperature", "it takes 0 to 1"),
    "temperature for anyone": ("0.7", "2.5", "parameters.temperature", "is 2.5; it takes 2 or less"),
    "temperature that is no number": ("0.7", ".nan", "parameters.temperature", "it takes"),
    "cost without end": ("temperature: 0.7", "max_cost_usd: .inf", "parameters.max_cost_usd", "cannot be stored"),
    "max_tokens beyond the model": ("4000", "100000", "parameters.max_tokens", "it takes 1 to 64,000"),
    "max_tokens as text": ("4000", '"4000"', "parameters.max_tokens", "is not a whole number; write it without quotes"),
    "max_tokens of zero": ("4000", "0", "parameters.max_tokens", "is 0; it takes 1 or more"),
    "unknown model": ("temperature: 0.7", "model: claude-sonet-4-5", "parameters.model", "claude-sonnet-4-5"),
    "gated model": (
        "temperature: 0.7",
        "model: claude-opus-4-6",
        "parameters.model",
        "enable it with SESSIONS_ENABLED_MODELS=claude-opus-4-6",
    ),
    "model of another runner": (
        "temperature: 0.7",
        "model: gemini-2.5-flash",
        "parameters.model",
        "runner claude-agent-sdk cannot run Gemini 2.5 Flash",
    ),
    "unknown runner": ("temperature: 0.7", "runner: codex", "parameters.runner", "is not one of 'claude-agent-sdk'"),
    "agent that is no slug": ("temperature: 0.7", "agent: Main Agent", "parameters.agent", "lower-case letters"),
    "placeholder in the prompt": (
        PROMPT_LINE,
        'prompt: "Look at {{ repo }}"',
        "parameters.prompt",
        "{{ repo }} would be replaced or deleted by Prefect on deploy; put the prompt into a file",
    ),
    "placeholder in the description": ("Looks at", "Looks at {{ that }}", "description", "without double braces"),
    "secret block": (
        "temperature: 0.7",
        'agent: "{{ prefect.blocks.secret.key }}"',
        "parameters.agent",
        "lower-case letters",
    ),
    "placeholder in the work pool": (
        "{name: sessions}",
        '{name: "{{ $POOL }}"}',
        "work_pool.name",
        "without double braces",
    ),
    "active true": ('slug: "nightly"', 'slug: "nightly", active: true', "schedules[0].active", "sessions suspend"),
    "active as text": ('slug: "nightly"', 'slug: "nightly", active: "no"', "schedules[0].active", "sessions suspend"),
    "paused": ("work_pool:", "paused: false\n    work_pool:", "paused", "sessions suspend"),
    "missing limit": (f"    {LIMIT}\n", "", "concurrency_limit", "add `concurrency_limit: {limit: 1"),
    "limit as a number": (LIMIT, "concurrency_limit: 1", "concurrency_limit", "collision_strategy: CANCEL_NEW"),
    "limit of two": ("limit: 1,", "limit: 2,", "concurrency_limit.limit", "write {limit: 1"),
    "limit that queues": ("CANCEL_NEW", "ENQUEUE", "concurrency_limit.collision_strategy", "CANCEL_NEW"),
    "another entrypoint": (
        "scheduled_session.py:scheduled_session",
        "scheduled_sessions.py:scheduled_session",
        "entrypoint",
        "must be flows/scheduled_session.py:scheduled_session",
    ),
    "missing work pool": ("    work_pool: {name: sessions}\n", "", "work_pool", "add `work_pool: {name: sessions}`"),
    "name with capitals": ("name: nightly", "name: Nightly Code", "name", "for example nightly-code"),
    "name that is too long": ("name: nightly", f"name: {'n' * 51}", "name", "at most 50"),
    "name that is a number": ("name: nightly", "name: 7", "name", 'put it in quotes: "7"'),
    "slug that is a boolean": ('slug: "nightly"', "slug: off", "schedules[0].slug", "yes-or-no value"),
    "version that is a number": ("work_pool:", "version: 1.0\n    work_pool:", "version", "put it in quotes"),
    "two kinds of schedule": ('cron: "0 2 * * *"', 'cron: "0 2 * * *", interval: 60', "schedules[0]", "exactly one of"),
    "no kind of schedule": ('cron: "0 2 * * *", ', "", "schedules[0]", "exactly one of"),
    "endless rule": ('cron: "0 2 * * *"', 'rrule: "FREQ=DAILY"', "schedules[0].rrule", "is not one moment"),
    "interval that is counted from nowhere": (
        'cron: "0 2 * * *", timezone: Europe/Berlin',
        "interval: 3600",
        "schedules[0].interval",
        f'has no moment to be counted from; add anchor_date: "{NOW.isoformat()}"',
    ),
    "interval under a minute": (
        'cron: "0 2 * * *"',
        'interval: 59, anchor_date: "2026-01-01T00:00:00Z"',
        "schedules[0].interval",
        "59 is under a minute",
    ),
    "interval on a clock that changes": (
        'cron: "0 2 * * *"',
        'interval: 86400, anchor_date: "2026-01-01T00:00:00Z"',
        "schedules[0].timezone",
        "an interval counts the time that passes",
    ),
    "moment that the clocks skip": (
        'cron: "0 2 * * *"',
        'rrule: "DTSTART:20370329T023000\\nRRULE:FREQ=DAILY;COUNT=1"',
        "schedules[0].rrule",
        "20370329T023000 does not exist in Europe/Berlin",
    ),
    "anchor without offset": (
        'cron: "0 2 * * *"',
        'interval: 3600, anchor_date: "2026-01-01"',
        "schedules[0].anchor_date",
        "with an offset",
    ),
    "anchor without quotes": (
        'cron: "0 2 * * *"',
        "interval: 3600, anchor_date: 2026-01-01T00:00:00Z",
        "schedules[0].anchor_date",
        "put it in quotes",
    ),
    "schedule that is a text": (SCHEDULE, '"0 2 * * *"', "schedules[0]", "not a mapping"),
    "own parameter of a schedule": (
        'slug: "nightly"',
        'slug: "nightly", parameters: {max_tokens: 0}',
        "schedules[0].parameters.max_tokens",
        "it takes 1 or more",
    ),
    **{
        f"{name} of one schedule": (
            'slug: "nightly"',
            f'slug: "nightly", parameters: {{{name}: {value}}}',
            f"schedules[0].parameters.{name}",
            "is a rule of the session, which all its schedules share; move it to the session's parameters",
        )
        for name, value in (
            ("starting_deadline_seconds", 60),
            ("backoff_seconds", "[30]"),
            ("delete_after_run", "true"),
            ("keep_successful", 1),
            ("keep_failed", 1),
        )
    },
    "password in a repository": (
        "temperature: 0.7",
        "repos: [{url: 'https://me:hunter2@example.org/a.git'}]",
        "parameters.repos[0].url",
        "holds credentials; take them out",
    ),
    "token in a repository": (
        "temperature: 0.7",
        "repos: [{url: 'https://tokentoken@example.org/a.git'}]",
        "parameters.repos[0].url",
        "holds credentials",
    ),
    "unknown key of a repository": (
        "temperature: 0.7",
        "repos: [{url: ., brunch: main}]",
        "parameters.repos[0].brunch",
        "did you mean branch?",
    ),
    "apprise address with a token": (
        "temperature: 0.7",
        "delivery: [{channel: apprise, to: 'pover://user@token'}]",
        "parameters.delivery[0].to",
        "write ${NAME} here",
    ),
    "Slack webhook in the open": (
        "temperature: 0.7",
        "delivery: [{channel: webhook, to: 'https://hooks.slack.com/services/T00000000/B00000000/abcdefghijkl'}]",
        "parameters.delivery[0].to",
        "holds what looks like a secret; keep it in the environment of the worker and write ${NAME} here",
    ),
    "password in a webhook": (
        "temperature: 0.7",
        "failure_delivery: [{channel: webhook, to: 'https://me:pw@example.org/x'}]",
        "parameters.failure_delivery[0].to",
        "in front of the host",
    ),
    "token behind a webhook": (
        "temperature: 0.7",
        "delivery: [{channel: webhook, to: 'https://example.org/x?access_token=abc'}]",
        "parameters.delivery[0].to",
        "behind its question mark",
    ),
    "webhook that is no address": (
        "temperature: 0.7",
        "delivery: [{channel: webhook, to: example.org}]",
        "parameters.delivery[0].to",
        "is not a web address",
    ),
    "variable without braces": (
        "temperature: 0.7",
        "delivery: [{channel: webhook, to: $HOOK}]",
        "parameters.delivery[0].to",
        "write ${HOOK}",
    ),
    "variable that is malformed": (
        "temperature: 0.7",
        "delivery: [{channel: webhook, to: '${MY-HOOK}'}]",
        "parameters.delivery[0].to",
        "write it as ${NAME}",
    ),
    "chat that is a number": (
        "temperature: 0.7",
        "delivery: [{channel: telegram, to: -1001234567890}]",
        "parameters.delivery[0].to",
        'put it in quotes: "-1001234567890"',
    ),
    "chat that is none": (
        "temperature: 0.7",
        "delivery: [{channel: telegram, to: 'a b'}]",
        "parameters.delivery[0].to",
        "write CHAT",
    ),
    "target without an address": (
        "temperature: 0.7",
        "delivery: [{channel: file}]",
        "parameters.delivery[0]",
        "channel file needs `to`",
    ),
    "file name with an unknown place": (
        "temperature: 0.7",
        "delivery: [{channel: file, to: 'r/{date}.md'}]",
        "parameters.delivery[0].to",
        "known are {session}, {slot} and {run}",
    ),
    "tool that no runner has": (
        "temperature: 0.7",
        "allowed_tools: [Read, Reed]",
        "parameters.allowed_tools[1]",
        "names a tool that this runner lacks; it has Read",
    ),
    "tool of another runner": (
        "temperature: 0.7",
        "runner: anthropic\n      allowed_tools: [WebFetch]",
        "parameters.allowed_tools[0]",
        "names a tool that this runner lacks",
    ),
    "tool rule that is malformed": (
        "temperature: 0.7",
        "disallowed_tools: ['Bash(git']",
        "parameters.disallowed_tools[0]",
        "is malformed",
    ),
    "key in the job's environment": (
        "{name: sessions}",
        "{name: sessions, job_variables: {env: {ANTHROPIC_API_KEY: abc}}}",
        "work_pool.job_variables.env.ANTHROPIC_API_KEY",
        "keep it in the environment of the worker",
    ),
    "variable in a pull step": (
        "work_pool:",
        "pull: [{prefect.deployments.steps.git_clone: {repository: r, access_token: '{{ $TOKEN }}'}}]\n    work_pool:",
        "pull[0].prefect.deployments.steps.git_clone.access_token",
        "use a Secret block",
    ),
    "token in a pull step": (
        "work_pool:",
        "pull: [{prefect.deployments.steps.git_clone: {repository: r, access_token: abc}}]\n    work_pool:",
        "pull[0].prefect.deployments.steps.git_clone.access_token",
        "keep it in a Secret block",
    ),
}


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


def test_everything_that_is_wrong_in_all_files_is_reported_at_once(root: Path) -> None:
    first = changed("0 2 * * *", "99 2 * * *")
    first = changed("Europe/Berlin", "Mars", first)
    first = changed("temperature: 0.7", "temperature: 1.5\n      temprature: 1", first)
    first = changed("nightly.md", "gone.md", first)
    first = changed('slug: "nightly"', 'slug: off, active: "true"', first)
    first = changed("4000", "1000000", first)
    second = changed("CANCEL_NEW", "ENQUEUE", changed("Looks", "Looks like {{ it }}"))
    paths = [write_definition_file(root, first, "a.yaml"), write_definition_file(root, second, "b.yaml")]
    paths += [write_definition_file(root, "deployments: [", "c.yaml"), root / "deployments" / "d.yaml"]

    problems = check_files(paths, Settings(), root=root, now=NOW)

    assert {(problem.file.name, problem.field) for problem in problems} == {
        ("a.yaml", "schedules[0].cron"),
        ("a.yaml", "schedules[0].timezone"),
        ("a.yaml", "schedules[0].slug"),
        ("a.yaml", "schedules[0].active"),
        ("a.yaml", "parameters.temperature"),
        ("a.yaml", "parameters.temprature"),
        ("a.yaml", "parameters.prompt_file"),
        ("a.yaml", "parameters.max_tokens"),
        ("b.yaml", "concurrency_limit.collision_strategy"),
        ("b.yaml", "description"),
        ("b.yaml", "name"),
        ("c.yaml", "file"),
        ("d.yaml", "file"),
    }
    with pytest.raises(SpecError) as caught:
        load_checked(find_definitions(root), root, Settings())
    assert len(str(caught.value).splitlines()) == 12


def test_each_line_is_that_of_its_own_key(root: Path) -> None:
    text = changed(
        "temperature: 0.7", "temperature: 1.5\n      repos:\n        - url: .\n        - url: 7\n          x: 1"
    )

    lines = {problem.field: problem.line for problem in check_text(root, text)}

    assert lines == {
        "parameters.temperature": line_with(text, "temperature"),
        "parameters.repos[1].url": line_with(text, "url: 7"),
        "parameters.repos[1].x": line_with(text, "x: 1"),
    }


@pytest.mark.parametrize(
    ("content", "line", "part"),
    [
        (b"", 1, "holds no `deployments:`"),
        (b"- name: x\n", 1, "holds no `deployments:`"),
        (b"just text", 1, "holds no `deployments:`"),
        (b"deployments:\n", 1, "must be a list"),
        (b"deployments: []\n", 1, "must be a list"),
        (b"deployments: {name: x}\n", 1, "must be a list"),
        (b"pull: git clone\ndeployments: []\n", 1, "is not a list of steps"),
        (b"deploments: []\n", 1, "did you mean deployments?"),
        (b"deployments:\n  - just text\n", 2, "begin it with `- name:`"),
        (b"deployments:\n  - name: [x\n", 3, "is not YAML"),
        (b"deployments:\n\t- name: x\n", 2, "is not YAML"),
        (b"deployments: 1\ndeployments: 2\n", 2, "duplicate key"),
        (b"deployments: 1\n---\ndeployments: 2\n", 2, "is not YAML"),
        (b"a: !!python/object:os.system x\n", 1, "is not YAML"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", 1, "is not text"),
        (b"deployments: \x00\n", 1, "is not YAML"),
        (b"deployments:\n  - name: x\n    number: 1e-3\n", 1, "write it with a point"),
    ],
)
def test_a_file_that_is_no_definition_ends_in_a_sentence(root: Path, content: bytes, line: int, part: str) -> None:
    path = root / "deployments" / "odd.yaml"
    path.write_bytes(content)

    problems = check_files([path], Settings(), root=root, now=NOW)

    assert any(part in problem.message and problem.line == line for problem in problems), problems
    with pytest.raises(SpecError):
        load_definitions(path)


def test_a_file_that_is_missing_or_a_folder_ends_in_a_sentence(root: Path) -> None:
    problems = check_files([root / "gone.yaml", root], Settings(), root=root, now=NOW)

    assert [problem.message.split(";")[0] for problem in problems] == ["is a folder", "does not exist"]


def test_an_alias_that_holds_itself_ends_too(root: Path) -> None:
    problems = check_text(root, changed("temperature: 0.7", "repos: &again [*again]"))

    assert problems
    assert all(problem.field.startswith("parameters.repos") for problem in problems)


def test_two_sessions_of_one_name_are_refused_in_one_file_and_in_two(root: Path) -> None:
    first = write_definition_file(root, GOOD, "a.yaml")
    second = write_definition_file(root, GOOD + GOOD.split("\n", 1)[1], "b.yaml")

    problems = check_files([first, second], Settings(), root=root, now=NOW)

    assert [(problem.file, problem.field) for problem in problems] == [(second, "name")] * 2
    assert all(f"{first}:2" in problem.message for problem in problems)


def test_a_single_file_may_not_take_the_name_of_another_session_in_the_repository(root: Path) -> None:
    write_definition_file(root, GOOD, "a.yaml")
    second = write_definition_file(root, GOOD, "b.yaml")

    assert "is also the name of the session at" in only(check_files([second], Settings(), root=root)).message


@pytest.mark.parametrize(
    ("content", "part"),
    [(b"", "is blank"), (b" \n\t\n", "is blank"), (b"\xff\xfe\x00", "is not text"), (b"a\x00b", "is not text")],
)
def test_a_prompt_file_that_says_nothing_is_refused(root: Path, content: bytes, part: str) -> None:
    (root / "deployments" / "prompts" / "nightly.md").write_bytes(content)

    assert part in only(check_text(root, GOOD)).message


def test_a_prompt_file_that_is_a_link_out_of_the_repository_is_refused(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "prompt.md"
    outside.write_text("Look.", encoding="utf-8")
    prompt = root / "deployments" / "prompts" / "nightly.md"
    prompt.unlink()
    prompt.symlink_to(outside)

    assert "is outside the repository" in only(check_text(root, GOOD)).message


def test_braces_in_a_prompt_file_are_the_agents_business(root: Path) -> None:
    (root / "deployments" / "prompts" / "nightly.md").write_text("Fill in {{ name }}.", encoding="utf-8")

    assert check_text(root, GOOD) == []


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


def test_a_gated_model_passes_once_its_setting_enables_it(root: Path) -> None:
    settings = Settings(enabled_models=("claude-opus-4-6",))

    assert check_text(root, changed("temperature: 0.7", "model: claude-opus-4-6"), settings) == []


GENERALLY_AVAILABLE = {
    "Claude Sonnet 4.5": ("anthropic/claude-sonnet-4-5", "claude-agent-sdk"),
    "Claude Opus 4.5": ("anthropic/claude-opus-4-5", "anthropic"),
    "Claude Haiku 4.5": ("anthropic/claude-haiku-4-5", "claude-agent-sdk"),
    "Gemini 2.5 Flash": ("google/gemini-2.5-flash", "gemini"),
}
GATED = {
    "Claude Opus 4.6": ("anthropic/claude-opus-4-6", "claude-agent-sdk"),
    "Claude Sonnet 4.6": ("anthropic/claude-sonnet-4-6", "anthropic"),
    "Gemini 2.5 Pro": ("google/gemini-2.5-pro", "gemini"),
}


def running(model: str, runner: str) -> str:
    return changed("temperature: 0.7", f"temperature: 0.7\n      runner: {runner}\n      model: {model}")


@pytest.mark.parametrize("name", GENERALLY_AVAILABLE)
def test_each_generally_available_model_passes_with_a_runner_of_its_provider(root: Path, name: str) -> None:
    model, runner = GENERALLY_AVAILABLE[name]
    assert check_text(root, running(model, runner)) == []
    assert check_text(root, running(model.partition("/")[2], runner)) == []


@pytest.mark.parametrize("name", GATED)
def test_each_gated_model_is_refused_with_its_setting_and_passes_with_it(root: Path, name: str) -> None:
    model, runner = GATED[name]
    id_ = model.partition("/")[2]
    problem = only(check_text(root, running(model, runner)))
    assert (problem.field, problem.message) == (
        "parameters.model",
        f"{name} is gated; enable it with SESSIONS_ENABLED_MODELS={id_}",
    )
    assert check_text(root, running(model, runner), Settings(enabled_models=(id_,))) == []


def test_a_gemini_session_without_a_model_is_told_to_name_one(root: Path) -> None:
    problem = only(check_text(root, changed("temperature: 0.7", "temperature: 0.7\n      runner: gemini")))
    assert "runner gemini cannot run Claude Sonnet 4.5" in problem.message
    assert "such as gemini-2.5-flash" in problem.message


def test_a_gemini_model_takes_a_temperature_up_to_two(root: Path) -> None:
    warm = running("gemini-2.5-flash", "gemini").replace("temperature: 0.7", "temperature: 2.0")
    assert check_text(root, warm) == []


def test_a_tool_that_only_claude_code_has_is_refused_for_gemini(root: Path) -> None:
    text = running("gemini-2.5-flash", "gemini\n      allowed_tools: [WebFetch]")
    assert "names a tool that this runner lacks" in only(check_text(root, text)).message


def test_the_agents_default_model_is_checked_where_none_is_given(root: Path) -> None:
    settings = Settings(agent_models={"main": "claude-sonnet-4-6"})

    assert "SESSIONS_ENABLED_MODELS" in only(check_text(root, GOOD, settings)).message


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
