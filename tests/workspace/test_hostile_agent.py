"""An agent that writes into its own `.git` what would run programs in our process, or damage others."""

import shutil
from pathlib import Path

import pytest

from sessions.workspace import Checkout, CommitResult, git_state
from tests.workspace.people import Person, Runs, bare_repository, files_of, git

_CONFIG = """
[core]
    fsmonitor = {trap}
    sshCommand = {trap}
    hooksPath = {hooks}
    editor = {trap}
    pager = {trap}
    askPass = {trap}
    gitProxy = {trap}
    alternateRefsCommand = {trap}
[credential]
    helper = !{trap}
[filter "trap"]
    clean = {trap}
    smudge = {trap}
    process = {trap}
    required = true
[diff]
    external = {trap}
[diff "trap"]
    textconv = {trap}
    command = {trap}
[merge "trap"]
    driver = {trap}
[uploadpack]
    packObjectsHook = {trap}
[gpg]
    program = {trap}
[commit]
    gpgSign = true
[remote "origin"]
    url = ext::{trap}
    uploadpack = {trap}
    receivepack = {trap}
    promisor = true
[extensions]
    partialClone = origin
[protocol "ext"]
    allow = always
[alias]
    status = !{trap}
"""
_HOOKS = ("pre-commit", "post-commit", "post-index-change", "pre-push", "pre-rebase", "reference-transaction", "update")


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that leaves a mark next to itself when it is run."""
    program = tmp_path / "trap.sh"
    program.write_text('#!/bin/sh\ntouch "$(dirname "$0")/sprung"\nexit 1\n')
    program.chmod(0o755)
    return program


def _poison(folder: Path, trap: Path) -> None:
    hooks = folder / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in _HOOKS:
        shutil.copy(trap, hooks / name)
    config = folder / "config"
    config.write_text(config.read_text() + _CONFIG.format(trap=trap, hooks=hooks))


def _work(runs: Runs, origin: Path, ada: Person, trap: Path) -> tuple[Checkout, CommitResult]:
    checkout = runs.sync(origin)
    Person(checkout.path).commits("own.txt", "own", "Own")
    (checkout.path / ".gitattributes").write_text("* filter=trap diff=trap merge=trap\n")
    (checkout.path / "README.md").write_text("# Project\nchanged\n")
    _poison(checkout.path / ".git", trap)
    ada.pushes("theirs.txt", "theirs")
    git_state(checkout, runs.settings)
    return checkout, runs.settle(checkout)


def test_no_configuration_hook_or_filter_of_the_agent_runs(runs: Runs, origin: Path, ada: Person, trap: Path) -> None:
    _, result = _work(runs, origin, ada, trap)
    assert result.status == "pushed"
    assert not trap.with_name("sprung").exists()
    assert git(origin, "show", "main:README.md") == "# Project\nchanged"


def test_the_trap_would_spring_for_whoever_runs_git_in_the_working_copy(
    runs: Runs, origin: Path, ada: Person, trap: Path
) -> None:
    checkout, _ = _work(runs, origin, ada, trap)
    with pytest.raises(AssertionError):
        git(checkout.path, "add", "-A")
    assert trap.with_name("sprung").exists()


def test_no_configuration_of_a_repository_inside_the_working_copy_runs(
    runs: Runs, origin: Path, ada: Person, trap: Path, tmp_path: Path
) -> None:
    other = Person.cloning(bare_repository(tmp_path / "remotes" / "lib.git"), tmp_path / "lib")
    other.pushes("lib.txt", "lib")
    git(ada.clone, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other.clone), "lib")
    ada.pushes("a.txt", "a")
    checkout = runs.sync(origin)
    for inner in (checkout.path / "lib", checkout.path / "new"):
        shutil.rmtree(inner, ignore_errors=True)
        git(tmp_path, "clone", "-q", str(other.clone), str(inner))
        (inner / "lib.txt").write_text("changed")
        _poison(inner / ".git", trap)
    assert git_state(checkout, runs.settings).uncommitted == ("new/",)
    result = runs.settle(checkout)
    assert (result.status, [file.path for file in result.left_out]) == ("none", ["new/"])
    assert not trap.with_name("sprung").exists()


def test_an_agent_that_removed_its_git_folder_still_has_its_files_committed(runs: Runs, origin: Path) -> None:
    checkout = runs.sync(origin)
    (checkout.path / "a.txt").write_text("a")
    shutil.rmtree(checkout.path / ".git")
    assert git_state(checkout, runs.settings).uncommitted == ("a.txt",)
    assert runs.settle(checkout).status == "pushed"
    assert files_of(origin, "main") == ["README.md", "a.txt"]


def test_commits_with_missing_objects_become_one_commit_of_the_files(runs: Runs, origin: Path) -> None:
    checkout = runs.sync(origin)
    agent = Person(checkout.path)
    agent.commits("a.txt", "a", "One")
    blob = git(checkout.path, "rev-parse", "HEAD:a.txt")
    agent.commits("a.txt", "b", "Two")
    (checkout.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    result = runs.settle(checkout)
    assert result.notes == ("the agent's own commits cannot be read; its files are committed as one commit",)
    assert git(origin, "log", "--format=%s", "main").splitlines() == ["Tidy up", "Start"]
    assert git(origin, "show", "main:a.txt") == "b"


def test_a_forged_object_does_not_hide_what_is_pushed(runs: Runs, origin: Path, ada: Person) -> None:
    checkout = runs.sync(origin)
    Person(checkout.path).commits("a.txt", "harmless", "One")
    Person(ada.clone).commits("b.txt", "other")
    there, elsewhere = (
        git(folder, "rev-parse", name) for folder, name in ((checkout.path, "HEAD:a.txt"), (ada.clone, "HEAD:b.txt"))
    )
    forged = checkout.path / ".git" / "objects" / there[:2] / there[2:]
    forged.chmod(0o600)
    shutil.copyfile(ada.clone / ".git" / "objects" / elsewhere[:2] / elsewhere[2:], forged)
    result = runs.settle(checkout)
    assert result.status == "pushed"
    assert git(origin, "show", "main:a.txt") == "harmless"
    assert git(origin, "fsck", "--full") == ""


@pytest.mark.parametrize(
    "head", ["ref: refs/heads/../../config", "ref: refs/heads/\0", "0" * 40, "not a commit", "x" * 100_000]
)
def test_a_head_that_leads_nowhere_is_taken_for_none(runs: Runs, origin: Path, head: str) -> None:
    checkout = runs.sync(origin)
    (checkout.path / "a.txt").write_text("a")
    (checkout.path / ".git" / "HEAD").write_text(head)
    assert git_state(checkout, runs.settings).head is None
    assert runs.settle(checkout).status == "pushed"


def test_a_link_for_a_git_folder_is_not_followed(runs: Runs, origin: Path, ada: Person) -> None:
    checkout = runs.sync(origin)
    shutil.rmtree(checkout.path / ".git")
    private = Person(ada.clone).commits("private.txt", "private", "Not pushed")
    (checkout.path / ".git").symlink_to(ada.clone / ".git")
    assert runs.settle(checkout).status == "none"
    with pytest.raises(AssertionError):
        git(checkout.mirror, "cat-file", "-e", private)
