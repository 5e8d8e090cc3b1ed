"""`sessions check` on whole files, on several, and on those that are none."""

from pathlib import Path

import pytest

from deployments.check import check_files
from deployments.checked import load_checked
from deployments.definitions import find_definitions, load_definitions
from sessions.errors import SpecError
from sessions.settings import Settings
from tests.deployments.checking import NOW, check_text, line_with, only
from tests.deployments.definition_files import GOOD, changed, write_definition_file, write_repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_repository(tmp_path)


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
