"""Committing what an agent changed, and pushing or keeping it."""

import os
from pathlib import Path

import pytest

from sessions.errors import RepositoryError
from sessions.workspace import git_state
from sessions.workspace.screening import LARGEST_FILE
from tests.workspace.people import Person, Runs, bare_repository, files_of, git

# Assembled here, so that this file is none that holds a secret.
TOKEN = "ghp_" + "a1B2" * 9


def test_what_was_changed_added_and_removed_is_one_commit_on_the_branch(runs: Runs, origin: Path, ada: Person) -> None:
    ada.pushes("old.txt", "old")
    checkout = runs.sync(origin)
    (checkout.path / "README.md").write_text("# Better\n")
    (checkout.path / "old.txt").unlink()
    (checkout.path / "docs").mkdir()
    (checkout.path / "docs" / "nöw.sh").write_text("#!/bin/sh\n")
    (checkout.path / "docs" / "nöw.sh").chmod(0o755)
    result = runs.settle(checkout, message="Tidy up\n\nEvery night.")
    assert (result.status, result.branch, len(result.commits), result.left_out) == ("pushed", "main", 1, ())
    assert result.sentence() == "project: 1 commit pushed to branch main"
    assert git(origin, "log", "-1", "--format=%an <%ae> %cn%n%B", "main") == (
        "Scheduled Sessions <sessions@localhost> Scheduled Sessions\n"
        "Tidy up\n\nEvery night.\n\nSession: nightly\nSession-Run: run-1"
    )
    git(ada.clone, "pull", "-q")
    assert (ada.clone / "README.md").read_text() == "# Better\n"
    assert os.access(ada.clone / "docs" / "nöw.sh", os.X_OK)
    assert not (ada.clone / "old.txt").exists()


def test_commits_of_run_and_agent_end_with_a_persons_own_trailers_too(runs: Runs, origin: Path) -> None:
    signed = "Signed-off-by: Night Bot <bot@example.com>"
    runs.settings = runs.settings.model_copy(update={"git_trailers": (signed,)})
    checkout = runs.sync(origin)
    (checkout.path / "own.txt").write_text("by the agent")
    git(checkout.path, "add", "-A")
    git(checkout.path, "commit", "-q", "-m", "By the agent")
    (checkout.path / "rest.txt").write_text("what it left")
    assert runs.settle(checkout).status == "pushed"
    messages = git(origin, "log", "-2", "--format=%B%x00", "main").split("\0")[:2]
    ends = [message.strip().splitlines()[-3:] for message in messages]
    assert ends == [["Session: nightly", "Session-Run: run-1", signed]] * 2


def test_a_file_that_became_a_folder_and_a_folder_that_became_a_link_are_committed(
    runs: Runs, origin: Path, ada: Person
) -> None:
    ada.pushes("folder/a.txt", "a")
    checkout = runs.sync(origin)
    (checkout.path / "README.md").unlink()
    (checkout.path / "README.md").mkdir()
    (checkout.path / "README.md" / "part.md").write_text("part")
    (checkout.path / "folder" / "a.txt").unlink()
    (checkout.path / "folder").rmdir()
    (checkout.path / "folder").symlink_to("/etc")
    assert runs.settle(checkout).left_out == ()
    assert files_of(origin, "main") == ["README.md/part.md", "folder"]
    assert git(origin, "cat-file", "-p", "main:folder") == "/etc"


def test_nothing_changed_is_no_commit(runs: Runs, origin: Path, ada: Person) -> None:
    ada.pushes(".gitignore", "build/\n")
    checkout = runs.sync(origin)
    (checkout.path / "build").mkdir()
    (checkout.path / "build" / "out.txt").write_text("ignored")
    (checkout.path / "README.md").touch()
    before = git(origin, "rev-parse", "main")
    result = runs.settle(checkout)
    assert (result.status, result.commits) == ("none", ())
    assert result.sentence() == "project: nothing to commit"
    assert git(origin, "rev-parse", "main") == before


def test_the_commits_of_the_agent_are_kept_and_carry_the_trailers(runs: Runs, origin: Path) -> None:
    checkout = runs.sync(origin)
    agent = Person(checkout.path)
    own = agent.commits("a.txt", "a", "Add a")
    (checkout.path / "b.txt").write_text("b")
    state = git_state(checkout, runs.settings)
    assert (state.ahead, state.uncommitted, state.branch) == (1, ("b.txt",), "main")
    result = runs.settle(checkout)
    assert [commit.subject for commit in result.commits] == ["Tidy up", "Add a"]
    assert git(origin, "rev-parse", "main~1") == own
    runs_named = git(origin, "log", "--format=%(trailers:key=Session-Run,valueonly,separator=)", "-2", "main")
    assert runs_named.split() == ["run-1", "run-1"]


def test_the_first_commit_of_an_empty_repository_is_pushed(runs: Runs, empty_origin: Path) -> None:
    checkout = runs.sync(empty_origin)
    (checkout.path / "a.txt").write_text("a")
    assert runs.settle(checkout).status == "pushed"
    assert files_of(empty_origin, "main") == ["a.txt"]


def test_a_new_branch_appears_only_when_there_is_something_on_it(runs: Runs, origin: Path) -> None:
    assert runs.settle(runs.sync(origin, branch="agent/x", run_id="run-1"), run_id="run-1").status == "none"
    checkout = runs.sync(origin, branch="agent/x", run_id="run-2")
    assert checkout.base == git(origin, "rev-parse", "main")
    (checkout.path / "a.txt").write_text("a")
    assert runs.settle(checkout, run_id="run-2").branch == "agent/x"
    assert files_of(origin, "agent/x") == ["README.md", "a.txt"]


def test_what_others_pushed_meanwhile_stays_and_ours_goes_on_top(runs: Runs, origin: Path, ada: Person) -> None:
    checkout = runs.sync(origin)
    Person(checkout.path).commits("a.txt", "a", "Add a")
    (checkout.path / "b.txt").write_text("b")
    theirs = ada.pushes("c.txt", "c")
    result = runs.settle(checkout)
    assert (result.status, len(result.commits)) == ("pushed", 2)
    assert git(origin, "rev-parse", "main~2") == theirs
    assert files_of(origin, "main") == ["README.md", "a.txt", "b.txt", "c.txt"]


def test_a_conflict_goes_to_a_branch_of_its_own_and_says_where_and_why(runs: Runs, origin: Path, ada: Person) -> None:
    checkout = runs.sync(origin)
    (checkout.path / "README.md").write_text("# Ours\n")
    theirs = ada.pushes("README.md", "# Theirs\n")
    result = runs.settle(checkout)
    assert (result.status, result.branch) == ("set_aside", "sessions/nightly/run-1")
    assert result.reason == "branch main has changed, conflict in README.md"
    assert git(origin, "rev-parse", "main") == theirs
    assert git(origin, "show", "sessions/nightly/run-1:README.md") == "# Ours"
    assert runs.settle(checkout) == result


def test_a_branch_that_takes_no_pushes_leaves_the_commits_on_a_branch_of_their_own(runs: Runs, origin: Path) -> None:
    hook = origin / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/main ] || { echo "main is protected" >&2; exit 1; }\n')
    hook.chmod(0o755)
    checkout = runs.sync(origin)
    (checkout.path / "a.txt").write_text("a")
    result = runs.settle(checkout)
    assert (result.status, result.reason) == ("set_aside", "branch main was refused: hook declined")
    assert files_of(origin, result.branch) == ["README.md", "a.txt"]


def test_without_auto_push_the_commits_are_kept_where_the_result_says(runs: Runs, origin: Path, ada: Person) -> None:
    checkout = runs.sync(origin, auto_push=False)
    (checkout.path / "a.txt").write_text("a")
    result = runs.settle(checkout)
    assert (result.status, result.branch) == ("kept", "sessions/nightly/run-1")
    assert git(origin, "branch", "--format=%(refname:short)") == "main"
    git(ada.clone, *result.sentence().partition("fetch with: git ")[2].split(" "))
    assert git(ada.clone, "show", "FETCH_HEAD:a.txt") == "a"
    assert runs.settle(checkout) == result


def test_changes_after_the_first_push_of_a_run_are_a_second_commit(runs: Runs, origin: Path, ada: Person) -> None:
    checkout = runs.sync(origin)
    (checkout.path / "a.txt").write_text("one\n")
    runs.settle(checkout)
    ada_pulls = Person(ada.clone)
    git(ada.clone, "pull", "-q")
    ada_pulls.pushes("b.txt", "b")
    (checkout.path / "a.txt").write_text("one\ntwo\n")
    result = runs.settle(checkout, message="More")
    assert (result.status, [commit.subject for commit in result.commits]) == ("pushed", ["More"])
    assert git(origin, "log", "--format=%s", "main").splitlines() == ["More", "By hand", "Tidy up", "Start"]
    assert git(origin, "show", "main:a.txt") == "one\ntwo"


def test_secrets_are_left_out_and_named_without_being_shown(runs: Runs, origin: Path) -> None:
    checkout = runs.sync(origin)
    (checkout.path / ".env").write_text(f"TOKEN={TOKEN}\n")
    (checkout.path / "README.md").write_text("# Project\npassword hunter2hunter2\n")
    (checkout.path / "fine.txt").write_text("fine")
    result = runs.settle(checkout, message=f"Use {TOKEN}")
    left_out = {file.path: file.reason for file in result.left_out}
    assert left_out == {".env": "holds a secret", "README.md": "holds a secret"}
    assert files_of(origin, "main") == ["README.md", "fine.txt"]
    assert git(origin, "show", "main:README.md") == "# Project"
    assert TOKEN not in result.model_dump_json() + git(origin, "log", "-p", "--all")
    assert "left out: .env (holds a secret); README.md (holds a secret)" in result.sentence()
    assert runs.settle(checkout) == result


def test_a_run_that_leaves_only_secrets_commits_nothing_and_names_them(runs: Runs, origin: Path) -> None:
    checkout = runs.sync(origin)
    (checkout.path / "id_rsa").write_text("-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n")
    result = runs.settle(checkout)
    assert (result.status, [file.path for file in result.left_out]) == ("none", ["id_rsa"])


def test_a_file_with_a_secret_of_old_can_still_be_changed_and_moved(runs: Runs, origin: Path, ada: Person) -> None:
    ada.pushes("fixture.txt", f"token: {TOKEN}\nline\n")
    ada.pushes("moved.txt", f"other: {TOKEN}\n")
    checkout = runs.sync(origin)
    (checkout.path / "fixture.txt").write_text(f"token: {TOKEN}\nanother line\n")
    (checkout.path / "moved.txt").rename(checkout.path / "here.txt")
    result = runs.settle(checkout)
    assert (result.status, result.left_out) == ("pushed", ())
    assert files_of(origin, "main") == ["README.md", "fixture.txt", "here.txt"]


def test_a_secret_in_a_commit_of_the_agent_is_not_pushed_even_if_it_was_removed_later(runs: Runs, origin: Path) -> None:
    checkout = runs.sync(origin)
    agent = Person(checkout.path)
    agent.commits("config.py", f"TOKEN = '{TOKEN}'\n", "Add the configuration")
    agent.commits("config.py", "TOKEN = os.environ['TOKEN']\n", "Read it from the environment")
    result = runs.settle(checkout)
    assert (result.status, len(result.commits), result.left_out) == ("pushed", 1, ())
    assert result.notes[0].startswith("the agent's own commits are joined into one")
    assert TOKEN not in git(origin, "log", "-p", "--all")
    body = git(origin, "log", "-1", "--format=%b", "main")
    assert "Add the configuration" in body
    assert git(checkout.mirror, "log", "--format=%s", "-2", "sessions/nightly/run-1-head").splitlines() == [
        "Read it from the environment",
        "Add the configuration",
    ]
    assert runs.settle(checkout) == result


def test_a_secret_in_a_commit_message_of_the_agent_is_not_pushed(runs: Runs, origin: Path) -> None:
    checkout = runs.sync(origin)
    Person(checkout.path).commits("a.txt", "a", f"Log in with {TOKEN}")
    assert runs.settle(checkout).status == "pushed"
    log = git(origin, "log", "--format=%B", "main")
    assert TOKEN not in log
    assert "Log in with [redacted]" in log


def test_large_files_are_left_out_committed_by_the_agent_or_not(runs: Runs, origin: Path) -> None:
    checkout = runs.sync(origin)
    for name in ("a.bin", "b.bin"):
        with (checkout.path / name).open("wb") as file:
            file.truncate(LARGEST_FILE + 1)
        if name == "a.bin":
            Person(checkout.path).commits("small.txt", "small", "Add both")
    result = runs.settle(checkout)
    assert sorted((file.path, file.reason) for file in result.left_out) == [
        ("a.bin", "is larger than 25 MB"),
        ("b.bin", "is larger than 25 MB"),
    ]
    assert files_of(origin, "main") == ["README.md", "small.txt"]


def test_what_is_no_plain_file_is_left_out_and_named(runs: Runs, origin: Path, ada: Person) -> None:
    ada.pushes(".gitattributes", "*.bin filter=lfs\n")
    checkout = runs.sync(origin)
    os.mkfifo(checkout.path / "pipe")
    (checkout.path / "README.md").unlink()
    os.mkfifo(checkout.path / "README.md")
    (checkout.path / "model.bin").write_text("weights")
    (checkout.path / "link").symlink_to("/etc/passwd")
    bare_repository(checkout.path / "nested" / ".git")
    Person.cloning(origin, checkout.path / "clone")
    result = runs.settle(checkout)
    reasons = {file.path: file.reason for file in result.left_out}
    assert reasons["README.md"] == "is not a file"
    assert reasons["model.bin"] == "belongs to Git LFS, which is not handled"
    assert reasons["clone/"] == "is a git repository of its own"
    assert files_of(origin, "main") == [".gitattributes", "README.md", "link"]
    assert git(origin, "cat-file", "-p", "main:link") == "/etc/passwd"


def test_other_branches_of_the_agent_are_kept_in_the_mirror(runs: Runs, origin: Path) -> None:
    checkout = runs.sync(origin)
    agent = Person(checkout.path)
    git(checkout.path, "switch", "-q", "-c", "try/this")
    tried = agent.commits("try.txt", "try")
    git(checkout.path, "switch", "-q", "main")
    result = runs.settle(checkout)
    assert result.status == "none"
    branch = f"sessions/nightly/run-1-try-this-{tried[:8]}"
    kept = f"on branch {branch} of {checkout.mirror}"
    assert result.notes == (f"the agent's branch try/this is kept, not pushed, {kept}",)
    assert git(checkout.mirror, "rev-parse", branch) == tried


def test_a_remote_that_went_away_loses_nothing_and_the_next_try_pushes(runs: Runs, origin: Path, ada: Person) -> None:
    checkout = runs.sync(origin)
    (checkout.path / "a.txt").write_text("a")
    away = origin.rename(origin.with_name("away.git"))
    with pytest.raises(
        RepositoryError, match=r"no repository that the worker may read.*nothing is lost, fetch .*"
    ) as said:
        runs.settle(checkout)
    git(ada.clone, *str(said.value).partition("fetch the commits with: git ")[2].split(" "))
    assert git(ada.clone, "show", "FETCH_HEAD:a.txt") == "a"
    away.rename(origin)
    assert (runs.settle(checkout).status, git(origin, "rev-list", "--count", "main")) == ("pushed", "2")


def test_a_working_copy_that_is_gone_is_said_in_a_sentence(runs: Runs, origin: Path, ada: Person) -> None:
    checkout = runs.sync(origin)
    checkout.path.rename(checkout.path.with_name("elsewhere"))
    checkout.path.symlink_to(ada.clone)
    with pytest.raises(RepositoryError, match="is gone or is no folder any more"):
        runs.settle(checkout)
    with pytest.raises(RepositoryError, match="is gone or is no folder any more"):
        git_state(checkout, runs.settings)
