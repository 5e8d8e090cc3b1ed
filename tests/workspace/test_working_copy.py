"""Checking a repository out for a run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sessions.errors import RepositoryError
from sessions.parameter_values import Repo
from sessions.settings import Settings
from sessions.workspace import checkout_names, discard, git_state, sync_repo
from tests.workspace.people import Person, Runs, bare_repository, git


def test_a_run_gets_the_newest_commit_of_the_default_branch(runs: Runs, origin: Path, ada: Person) -> None:
    first = runs.sync(origin, run_id="run-1")
    newest = ada.pushes("src/main.py", "print(1)\n")
    second = runs.sync(origin, run_id="run-2")
    assert (first.branch, second.branch) == ("main", "main")
    assert second.base == newest != first.base
    assert (second.path / "src" / "main.py").read_text() == "print(1)\n"
    assert git(second.path, "status", "--porcelain", "--branch") == "## main...origin/main"


def test_a_run_gets_the_branch_it_names_and_sees_the_others_and_the_tags(runs: Runs, origin: Path, ada: Person) -> None:
    git(ada.clone, "tag", "-a", "v1", "-m", "one")
    git(ada.clone, "switch", "-q", "-c", "feature/x")
    tip = ada.pushes("x.txt", "x")
    git(ada.clone, "push", "-q", "--tags")
    checkout = runs.sync(origin, branch="feature/x")
    assert checkout.base == tip
    branches = git(checkout.path, "branch", "-r", "--format=%(refname:short)").splitlines()
    assert branches == ["origin/feature/x", "origin/main"]
    assert git(checkout.path, "describe", "--tags", "origin/main") == "v1"


def test_a_branch_that_is_not_there_starts_from_the_default_branch(runs: Runs, origin: Path, ada: Person) -> None:
    checkout = runs.sync(origin, branch="agent/new")
    assert git(checkout.path, "branch", "--show-current") == "agent/new"
    assert checkout.base == git(ada.clone, "rev-parse", "HEAD")
    assert checkout.notes == ("branch agent/new is new; it starts from branch main",)


def test_an_empty_repository_is_a_working_copy_without_commits(runs: Runs, empty_origin: Path) -> None:
    checkout = runs.sync(empty_origin)
    assert (checkout.branch, checkout.base) == ("main", "")
    assert checkout.notes == ("the repository has no commits yet",)
    assert git_state(checkout, runs.settings).head is None


def test_branches_that_were_deleted_or_moved_by_force_are_followed(runs: Runs, origin: Path, ada: Person) -> None:
    git(ada.clone, "push", "-q", "origin", "main:a")
    runs.sync(origin, run_id="run-1")
    git(ada.clone, "push", "-q", "origin", ":a", "main:a/b")
    git(ada.clone, "commit", "-q", "--amend", "-m", "Start again")
    git(ada.clone, "push", "-q", "--force", "origin", "main")
    checkout = runs.sync(origin, run_id="run-2")
    assert checkout.base == git(ada.clone, "rev-parse", "HEAD")
    assert git(checkout.path, "branch", "-r", "--format=%(refname:short)").splitlines() == ["origin/a/b", "origin/main"]


def test_nothing_that_happens_in_a_working_copy_reaches_the_mirror(runs: Runs, origin: Path, ada: Person) -> None:
    ada.pushes("big.txt", "x" * 10_000)
    checkout = runs.sync(origin)
    git(checkout.path, "fetch", "-q", "origin")
    git(checkout.path, "gc", "-q", "--prune=now")
    for file in (checkout.path / ".git" / "objects").rglob("*.pack"):
        file.chmod(0o600)
        file.write_bytes(b"broken")
    shutil.rmtree(checkout.path)
    assert git(checkout.mirror, "fsck", "--full") == ""
    assert runs.sync(origin, run_id="run-2").base == git(ada.clone, "rev-parse", "HEAD")


def test_the_agent_cannot_push_by_itself(runs: Runs, origin: Path, ada: Person) -> None:
    checkout = runs.sync(origin)
    git(checkout.path, "commit", "-q", "--allow-empty", "-m", "Mine")
    with pytest.raises(AssertionError, match="the session pushes when the run is over"):
        git(checkout.path, "push")
    assert git(origin, "rev-parse", "main") == git(ada.clone, "rev-parse", "main")


def test_a_run_that_was_interrupted_finds_its_working_copy_as_it_was(runs: Runs, origin: Path, ada: Person) -> None:
    checkout = runs.sync(origin)
    (checkout.path / "half.txt").write_text("half done")
    ada.pushes("other.txt", "meanwhile")
    assert runs.sync(origin) == checkout
    assert (checkout.path / "half.txt").read_text() == "half done"


def test_a_working_copy_that_was_never_finished_is_made_again(runs: Runs, origin: Path) -> None:
    checkout = runs.sync(origin)
    (checkout.books / "checkout.json").unlink()
    (checkout.path / "README.md").unlink()
    assert (runs.sync(origin).path / "README.md").exists()


def test_locks_that_a_killed_git_left_behind_do_not_stop_the_next_run(runs: Runs, origin: Path, ada: Person) -> None:
    mirror = runs.sync(origin, run_id="run-1").mirror
    for name in ("packed-refs.lock", "shallow.lock", "refs/remotes/origin/main.lock"):
        (mirror / name).parent.mkdir(parents=True, exist_ok=True)
        (mirror / name).touch()
    newest = ada.pushes("a.txt", "a")
    assert runs.sync(origin, run_id="run-2").base == newest


def test_a_mirror_that_another_process_holds_is_waited_for_and_then_said(runs: Runs, origin: Path) -> None:
    mirror = runs.sync(origin).mirror
    hold = (
        f"import filelock; lock = filelock.FileLock({f'{mirror}.lock'!r}); lock.acquire(); print(flush=True); input()"
    )
    holder = subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        impatient = Runs(runs.folder, Settings(home=runs.settings.home, git_timeout_seconds=0.3))
        with pytest.raises(
            RepositoryError, match=r"another session has been using .* more than 0\.3 s; wait .*, or raise"
        ):
            impatient.sync(origin, run_id="run-2")
        holder.kill()
    assert runs.sync(origin, run_id="run-2").base


def test_many_fetches_do_not_leave_many_packs(
    runs: Runs, origin: Path, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessions.workspace.mirror._MANY_PACKS", 5)
    borrower = runs.sync(origin, run_id="run-0")
    for number in range(8):
        git(ada.clone, "commit", "-q", "--allow-empty", "-m", str(number))
        git(
            borrower.mirror, "-c", "fetch.unpackLimit=1", "fetch", "-q", str(ada.clone), "main:refs/remotes/origin/main"
        )
    assert len(list(borrower.mirror.glob("objects/pack/*.pack"))) == 8
    ada.pushes("last.txt", "last")
    runs.sync(origin, run_id="run-1")
    assert len(list(borrower.mirror.glob("objects/pack/*.pack"))) < 5
    assert git(borrower.mirror, "fsck", "--full") == ""
    assert git(borrower.path, "log", "-1", "--format=%s") == "Start"


def test_submodules_and_lfs_files_are_said_to_be_missing(runs: Runs, origin: Path, ada: Person, tmp_path: Path) -> None:
    other = Person.cloning(bare_repository(tmp_path / "remotes" / "other.git"), tmp_path / "other")
    other.pushes("lib.txt", "lib")
    git(ada.clone, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other.clone), "vendor/lib")
    ada.pushes("data/.gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    submodules, lfs = runs.sync(origin).notes
    assert submodules == "submodules are not checked out, their folders are empty: vendor/lib"
    assert lfs.startswith("files in Git LFS are not fetched")


def test_a_repository_with_sha_256_works_like_any_other(runs: Runs, tmp_path: Path) -> None:
    remote = bare_repository(tmp_path / "remotes" / "modern.git", "--object-format=sha256")
    bob = Person(tmp_path / "bob")
    bob.clone.mkdir()
    git(bob.clone, "init", "-q", "--object-format=sha256")
    git(bob.clone, "remote", "add", "origin", str(remote))
    tip = bob.pushes("a.txt", "a")
    checkout = runs.sync(remote)
    (checkout.path / "b.txt").write_text("b")
    assert (checkout.base, len(tip)) == (tip, 64)
    assert runs.settle(checkout).status == "pushed"


def test_discarding_leaves_nothing_but_the_mirror(runs: Runs, origin: Path) -> None:
    checkout = runs.sync(origin)
    locked = checkout.path / "locked"
    locked.mkdir()
    (locked / "file").touch()
    locked.chmod(0o500)
    discard(checkout)
    discard(checkout)
    assert not checkout.path.exists()
    assert not checkout.books.exists()
    assert checkout.mirror.exists()


def test_discarding_does_not_follow_a_link_that_the_agent_put_there(runs: Runs, origin: Path, ada: Person) -> None:
    checkout = runs.sync(origin)
    shutil.rmtree(checkout.path)
    checkout.path.symlink_to(ada.clone)
    discard(checkout)
    assert (ada.clone / "README.md").exists()
    assert not os.path.lexists(checkout.path)


def test_repositories_of_one_name_get_folders_of_their_own(tmp_path: Path) -> None:
    urls = ["https://a.example/x/api.git", "git@b.example:y/api", "https://a.example/api-2", "../web/", "."]
    names = checkout_names([Repo(url=url) for url in urls], tmp_path / "here")
    assert names == ["api", "api-2", "api-2-2", "web", "here"]


def test_a_home_that_cannot_be_written_is_said_in_a_sentence(origin: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Settings(home=tmp_path / "file")
    with pytest.raises(RepositoryError, match=r"the working copy cannot be made in .*check the disk"):
        sync_repo(
            Repo(url=str(origin)), into=tmp_path / "run", root=tmp_path, settings=settings, session="s", run_id="r"
        )


def test_an_interrupted_run_that_starts_again_is_told_what_it_pushed(runs: Runs, origin: Path) -> None:
    checkout = runs.sync(origin)
    (checkout.path / "done.txt").write_text("done")
    runs.settle(checkout)
    discard(checkout)
    (note,) = runs.sync(origin).notes
    sha = git(origin, "rev-parse", "--short", "main")
    assert note == f"this run was interrupted after it had pushed {sha}; that work is here already"
