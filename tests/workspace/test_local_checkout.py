"""`url: .`: working on the checkout that runs the session, without touching it."""

import shutil
from pathlib import Path

import pytest

from sessions.errors import RepositoryError
from sessions.parameter_values import Repo
from sessions.workspace import Checkout, git_state, sync_repo
from tests.workspace.people import Person, Runs, git


def _sync_here(runs: Runs, here: Path, *, url: str = ".", branch: str = "", auto_push: bool = True) -> Checkout:
    repo = Repo(url=url, branch=branch, auto_push=auto_push)
    into = runs.folder / "runs" / "here"
    return sync_repo(repo, into=into, root=here, settings=runs.settings, session=runs.session, run_id="run-1")


def test_the_checkout_at_hand_is_copied_with_what_is_committed_and_told_what_is_not(runs: Runs, ada: Person) -> None:
    tip = ada.commits("only-here.txt", "not pushed")
    (ada.clone / "draft.txt").write_text("draft")
    (ada.clone / "README.md").write_text("# Changed\n")
    checkout = _sync_here(runs, ada.clone)
    assert (checkout.name, checkout.base, checkout.url) == ("ada", tip, str(ada.clone))
    assert not (checkout.path / "draft.txt").exists()
    (note,) = checkout.notes
    assert note == f"uncommitted changes of {ada.clone} are not included: README.md, draft.txt"
    assert note in git_state(checkout, runs.settings).notes


def test_the_branch_that_is_checked_out_is_never_moved_whatever_the_checkout_allows(runs: Runs, ada: Person) -> None:
    git(ada.clone, "config", "receive.denyCurrentBranch", "updateInstead")
    tip = git(ada.clone, "rev-parse", "HEAD")
    checkout = _sync_here(runs, ada.clone)
    (checkout.path / "README.md").write_text("# Ours\n")
    result = runs.settle(checkout)
    assert (result.status, result.reason) == ("set_aside", "branch main was refused: branch is currently checked out")
    assert git(ada.clone, "show", f"{result.branch}:README.md") == "# Ours"
    assert git(ada.clone, "status", "--porcelain") == ""
    assert git(ada.clone, "rev-parse", "HEAD") == tip


def test_a_branch_that_is_not_checked_out_is_pushed_to(runs: Runs, ada: Person) -> None:
    checkout = _sync_here(runs, ada.clone, branch="agent/x")
    (checkout.path / "a.txt").write_text("a")
    assert runs.settle(checkout).status == "pushed"
    assert git(ada.clone, "show", "agent/x:a.txt") == "a"


def test_without_auto_push_the_checkout_at_hand_stays_exactly_as_it_was(runs: Runs, ada: Person) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in ada.clone.rglob("*"))
    checkout = _sync_here(runs, ada.clone, auto_push=False)
    (checkout.path / "a.txt").write_text("a")
    assert runs.settle(checkout).status == "kept"
    assert sorted((path, path.stat().st_mtime_ns) for path in ada.clone.rglob("*")) == before


def test_a_detached_head_is_worked_on_and_set_aside(runs: Runs, ada: Person) -> None:
    git(ada.clone, "checkout", "-q", "--detach")
    tip = ada.commits("loose.txt", "on no branch")
    checkout = _sync_here(runs, ada.clone)
    assert (checkout.branch, checkout.base) == ("", tip)
    assert "detached HEAD" in checkout.notes[0]
    assert (git_state(checkout, runs.settings).url, git_state(checkout, runs.settings).branch) == (str(ada.clone), "")
    (checkout.path / "a.txt").write_text("a")
    result = runs.settle(checkout)
    assert (result.status, result.reason) == ("set_aside", "the source has no branch checked out")
    assert git(ada.clone, "rev-parse", f"{result.branch}~1") == tip


def test_a_shallow_clone_is_worked_on_and_grows_when_it_grows(runs: Runs, origin: Path, ada: Person) -> None:
    for number in range(3):
        ada.pushes("n.txt", str(number))
    shallow = runs.folder / "shallow"
    git(runs.folder, "clone", "-q", "--depth", "1", origin.as_uri(), str(shallow))
    checkout = _sync_here(runs, shallow)
    assert checkout.notes == ("the source is a shallow clone: older history is missing",)
    assert git(checkout.path, "rev-list", "--count", "HEAD") == "1"
    Person(checkout.path).commits("own.txt", "own", "Own")
    (checkout.path / "a.txt").write_text("a")
    result = runs.settle(checkout)
    assert (result.status, len(result.commits)) == ("set_aside", 2)
    assert git(shallow, "show", f"{result.branch}:a.txt") == "a"
    shutil.rmtree(checkout.path)
    git(shallow, "fetch", "-q", "--unshallow")
    assert git(_sync_here(runs, shallow).path, "rev-list", "--count", "HEAD") == "4"


def test_an_empty_checkout_and_a_linked_worktree_work(runs: Runs, ada: Person) -> None:
    empty, linked = runs.folder / "empty", runs.folder / "linked"
    git(runs.folder, "init", "-q", "-b", "trunk", str(empty))
    git(ada.clone, "worktree", "add", "-q", "-b", "side", str(linked))
    assert (_sync_here(runs, empty).branch, _sync_here(runs, empty).base) == ("trunk", "")
    assert _sync_here(runs, linked).branch == "side"


def test_a_relative_path_starts_at_the_checkout_that_runs_the_session(runs: Runs, origin: Path, ada: Person) -> None:
    assert _sync_here(runs, ada.clone, url="../remotes/project.git").url == str(origin)


@pytest.mark.parametrize("url", ["../nowhere", "README.md"])
def test_a_path_without_a_repository_is_said_in_a_sentence(runs: Runs, url: str) -> None:
    (runs.folder / "plain").mkdir()
    (runs.folder / "plain" / "README.md").touch()
    with pytest.raises(RepositoryError, match="there is no git repository; check the path"):
        _sync_here(runs, runs.folder / "plain", url=url)
