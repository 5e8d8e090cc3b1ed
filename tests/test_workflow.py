"""A workflow from git: read as its branch has it, and refused in a sentence where it is none."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from sessions.errors import RepositoryError, WorkflowError
from sessions.parameter_values import WorkflowFolder
from sessions.settings import Settings
from sessions.workflow import Workflow, lead_context, lead_prompt, read_workflow
from tests.workspace.people import Person, bare_repository, git

BUGFIX = {
    "name": "Fix a bug",
    "description": "From report to test to fix.",
    "systemPrompt": "You fix one bug, test first.",
    "startupPrompt": "Read the newest bug report.",
}
FILE = ".ambient/ambient.json"


@pytest.fixture
def ada(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    """A person with a clone of an empty repository."""
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    return Person.cloning(bare_repository(tmp_path / "workflows.git"), tmp_path / "ada")


def read(tmp_path: Path, **folder: str) -> Workflow:
    asked = WorkflowFolder.model_validate({"git_url": str(tmp_path / "workflows.git")} | folder)
    found = read_workflow(asked, root=tmp_path, settings=Settings(home=tmp_path / "home", git_timeout_seconds=20))
    assert found is not None
    return found


def test_without_an_address_there_is_no_workflow_and_nothing_is_led(tmp_path: Path) -> None:
    assert read_workflow(WorkflowFolder(), root=tmp_path, settings=Settings(home=tmp_path)) is None
    assert (lead_context(None, "context"), lead_prompt(None, "prompt")) == ("context", "prompt")


def test_its_prompts_lead_those_of_the_session(ada: Person, tmp_path: Path) -> None:
    sha = ada.pushes(f"bugfix/{FILE}", json.dumps(BUGFIX))
    found = read(tmp_path, path="bugfix")
    assert found.lead_context("# Session state") == (
        "# Workflow: Fix a bug\n\nYou fix one bug, test first.\n\n# Session state"
    )
    assert found.lead_prompt("Fix #7.") == "Read the newest bug report.\n\nFix #7."
    assert found.source == f"{tmp_path / 'workflows.git'} bugfix at {sha[:8]}"
    assert found.notes == ()


def test_one_of_the_two_prompts_is_enough(ada: Person, tmp_path: Path) -> None:
    ada.pushes(FILE, json.dumps({"startupPrompt": "Look around."}))
    found = read(tmp_path)
    assert (found.lead_context("context"), found.lead_prompt("prompt")) == ("context", "Look around.\n\nprompt")


def test_it_is_read_as_its_branch_has_it_now(ada: Person, tmp_path: Path) -> None:
    ada.pushes(FILE, json.dumps(BUGFIX))
    git(ada.clone, "switch", "-q", "-c", "next")
    ada.pushes(FILE, json.dumps(BUGFIX | {"name": "Fix two"}))
    assert (read(tmp_path).name, read(tmp_path, branch="next").name) == ("Fix a bug", "Fix two")
    ada.pushes(FILE, json.dumps(BUGFIX | {"name": "Fix three"}))
    assert read(tmp_path, branch="next").name == "Fix three"


def test_fields_of_others_are_named_and_do_no_harm(ada: Person, tmp_path: Path) -> None:
    ada.pushes(FILE, json.dumps(BUGFIX | {"results": {"Reports": "*.md"}, "rubric": {}}))
    assert read(tmp_path).notes == (
        f"{FILE} also holds results, which has no effect here",
        f"{FILE} also holds rubric, which has no effect here",
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{'name': 1}", "Invalid JSON"),
        ("", "Invalid JSON"),
        ("[]", "Input should be an object"),
        (json.dumps(BUGFIX | {"systemPrompt": ["a"]}), "systemPrompt: Input should be a valid string"),
        (json.dumps({"systemPromt": "You fix bugs."}), "systemPromt is not known; did you mean systemPrompt?"),
        (json.dumps({"name": "Nothing"}), "has neither systemPrompt nor startupPrompt"),
        (json.dumps({"systemPrompt": "  "}), "has neither systemPrompt nor startupPrompt"),
    ],
)
def test_a_file_that_is_no_workflow_is_refused_with_its_place(
    ada: Person, tmp_path: Path, content: str, words: str
) -> None:
    ada.pushes(FILE, content)
    with pytest.raises(WorkflowError) as caught:
        read(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'workflows.git'}: {FILE}")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told_with_those_that_are(ada: Person, tmp_path: Path) -> None:
    ada.pushes(f"triage/{FILE}", json.dumps(BUGFIX))
    ada.pushes(f"deep/bugfix/{FILE}", json.dumps(BUGFIX))
    with pytest.raises(WorkflowError, match=r"is not in branch main \(commit \w{8}\); there are workflows in deep"):
        read(tmp_path, path="bugfix")


def test_where_there_is_no_workflow_at_all_it_says_what_to_do(ada: Person, tmp_path: Path) -> None:
    ada.pushes("README.md", "# Nothing\n")
    with pytest.raises(WorkflowError, match="commit and push it there, or give its `path`"):
        read(tmp_path)


def test_a_folder_or_a_huge_file_in_its_place_is_refused(ada: Person, tmp_path: Path) -> None:
    ada.pushes(f"{FILE}/inner", "x")
    with pytest.raises(WorkflowError, match="is not in branch main"):
        read(tmp_path)
    ada.pushes(f"huge/{FILE}", " " * 1_000_001)
    with pytest.raises(RepositoryError, match="is larger than 1 MB"):
        read(tmp_path, path="huge")


def test_a_link_is_not_followed_out_of_the_repository(ada: Person, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text(json.dumps(BUGFIX))
    (ada.clone / ".ambient").mkdir()
    (ada.clone / FILE).symlink_to(tmp_path / "secret.json")
    ada.pushes("README.md", "# Link\n")
    with pytest.raises(WorkflowError, match="Invalid JSON"):
        read(tmp_path)


def test_a_repository_or_branch_that_is_not_there_is_told(ada: Person, tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="there is no branch main"):
        read(tmp_path)
    ada.pushes(FILE, json.dumps(BUGFIX))
    with pytest.raises(RepositoryError, match="there is no branch nowhere"):
        read(tmp_path, branch="nowhere")
    with pytest.raises(RepositoryError, match="no git repository"):
        read(tmp_path, git_url=str(tmp_path / "none"))


@pytest.mark.parametrize("folder", [{"path": "a"}, {"branch": "b"}])
def test_a_folder_without_a_repository_is_refused(folder: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="git_url: is missing"):
        WorkflowFolder.model_validate(folder)


@pytest.mark.parametrize("path", ["/etc", "../other", "a/../../b", "a\\b"])
def test_a_path_that_leaves_the_repository_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="is outside the repository"):
        WorkflowFolder(git_url=".", path=path)
