"""Whether a repository takes a push is found out before an agent works in it, and nothing changes there."""

from pathlib import Path

import pytest

from sessions.errors import RepositoryError
from sessions.parameter_values import Repo
from sessions.workspace import require_pushable, require_reachable
from tests.fakes.git_servers import read_by_all
from tests.workspace.people import Person, Runs, bare_repository, git

PASSWORD = "correct-horse-battery"
REFUSED = r"access was refused; give git credentials .* it can be read and not be pushed to, which auto_push needs"


def files(repository: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}


def test_who_may_read_and_not_push_is_told_before_the_agent_starts(runs: Runs, origin: Path) -> None:
    with read_by_all(origin, PASSWORD) as url:
        checkout = runs.sync(url)
        with pytest.raises(RepositoryError, match=REFUSED):
            require_pushable(checkout, runs.settings)
        with pytest.raises(RepositoryError, match=REFUSED):
            require_reachable(Repo(url=url, auto_push=True), root=runs.folder, settings=runs.settings)


def test_without_auto_push_nobody_asks_whether_a_push_is_taken(runs: Runs, origin: Path) -> None:
    with read_by_all(origin, PASSWORD) as url:
        require_pushable(runs.sync(url, auto_push=False), runs.settings)
        require_reachable(Repo(url=url), root=runs.folder, settings=runs.settings)


def test_a_push_is_proposed_with_the_credentials_of_the_environment_and_changes_nothing(
    runs: Runs, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = runs.folder / "askpass"
    helper.write_text('#!/bin/sh\ncase "$1" in Username*) echo ada;; *) echo "$GIT_PASSWORD";; esac\n')
    helper.chmod(0o755)
    monkeypatch.setenv("GIT_ASKPASS", str(helper))
    monkeypatch.setenv("GIT_PASSWORD", PASSWORD)
    with read_by_all(origin, PASSWORD) as url:
        before = files(origin)
        require_pushable(runs.sync(url), runs.settings)
        assert files(origin) == before
        monkeypatch.setenv("GIT_PASSWORD", "wrong-" + PASSWORD)
        with pytest.raises(RepositoryError, match=REFUSED) as refused:
            require_pushable(runs.sync(url), runs.settings)
    assert PASSWORD not in str(refused.value)


def ask_both_ways(runs: Runs, repository: Path) -> None:
    require_pushable(runs.sync(repository), runs.settings)
    require_reachable(Repo(url=str(repository), auto_push=True), root=runs.folder, settings=runs.settings)


def test_an_empty_repository_on_this_machine_takes_a_push(runs: Runs, empty_origin: Path) -> None:
    ask_both_ways(runs, empty_origin)
    assert git(empty_origin, "for-each-ref") == ""


def test_so_does_one_that_names_its_objects_by_sha256(runs: Runs, tmp_path: Path) -> None:
    repository = bare_repository(tmp_path / "remotes" / "long.git", "--object-format=sha256")
    bob = Person(tmp_path / "bob")
    git(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256", str(bob.clone))
    git(bob.clone, "remote", "add", "origin", str(repository))
    bob.pushes("a.txt", "a")
    ask_both_ways(runs, repository)
    assert git(repository, "branch", "--format=%(refname:short)") == "main"
