"""What was committed and never pushed stays in the mirror when its run goes, and is told."""

from pathlib import Path

import pytest

from deployments.doctor_repositories import examine_unpushed
from sessions.errors import RepositoryError
from sessions.workspace import Checkout, count_unpushed, forget_run
from tests.workspace.people import Person, Runs, git

# Assembled here, so that this file is none that holds a secret.
TOKEN = "ghp_" + "a1B2" * 9


def branches(checkout: Checkout) -> list[str]:
    return git(checkout.mirror, "branch", "--format=%(refname:short)").splitlines()


def work(runs: Runs, origin: Path, *, run_id: str = "run-1", auto_push: bool = False) -> Checkout:
    checkout = runs.sync(origin, run_id=run_id, auto_push=auto_push)
    (checkout.path / f"{run_id}.txt").write_text(run_id)
    return checkout


def forget(runs: Runs, run_id: str = "run-1") -> None:
    forget_run(session=runs.session, run_id=run_id, settings=runs.settings)


def test_commits_that_a_session_does_not_push_outlive_their_run_and_are_counted(runs: Runs, origin: Path) -> None:
    for run_id in ("run-1", "run-2"):
        checkout = work(runs, origin, run_id=run_id)
        result = runs.settle(checkout, run_id=run_id)
        forget(runs, run_id)
    assert branches(checkout) == ["sessions/nightly/run-1", "sessions/nightly/run-2"]
    assert git(checkout.mirror, "show", "sessions/nightly/run-1:run-1.txt") == "run-1"
    assert count_unpushed(runs.settings) == {checkout.mirror: 2}
    told = f"a branch of other runs was never pushed; see: git -C {checkout.mirror} branch"
    assert result.sentence().endswith(told)
    (line,) = examine_unpushed(runs.settings)
    assert (line.status, line.found) == (
        "warn",
        f"2 branches of runs were never pushed; see: git -C {checkout.mirror} branch",
    )


def test_commits_that_a_person_pushed_go_with_their_run(runs: Runs, origin: Path, ada: Person) -> None:
    checkout = work(runs, origin)
    result = runs.settle(checkout)
    git(ada.clone, *result.sentence().partition("fetch with: git ")[2].split(" "))
    git(ada.clone, "push", "-q", "origin", "FETCH_HEAD:refs/heads/main")
    runs.sync(origin, run_id="run-2")
    assert count_unpushed(runs.settings) == {}
    assert examine_unpushed(runs.settings) == []
    forget(runs)
    assert branches(checkout) == []


def test_commits_that_the_remote_never_took_outlive_their_run(runs: Runs, origin: Path) -> None:
    checkout = work(runs, origin, auto_push=True)
    away = origin.rename(origin.with_name("away.git"))
    with pytest.raises(RepositoryError, match="nothing is lost"):
        runs.settle(checkout)
    forget(runs)
    away.rename(origin)
    assert branches(checkout) == ["sessions/nightly/run-1"]


def test_of_commits_that_must_not_be_published_only_what_was_published_stays(runs: Runs, origin: Path) -> None:
    checkout = runs.sync(origin)
    Person(checkout.path).commits("config.py", f"TOKEN = '{TOKEN}'\n", "Add the configuration")
    (checkout.path / "a.txt").write_text("a")
    assert runs.settle(checkout).status == "pushed"
    assert branches(checkout) == ["sessions/nightly/run-1-head"]
    forget(runs)
    assert branches(checkout) == []


def test_branches_of_the_agent_that_are_alike_once_they_are_plain_are_all_kept(runs: Runs, origin: Path) -> None:
    checkout = runs.sync(origin)
    agent, tips = Person(checkout.path), {}
    for name in ("a/b", "a-b", "head"):
        git(checkout.path, "switch", "-q", "-c", name, "main")
        tips[name] = agent.commits("try.txt", name)
    git(checkout.path, "switch", "-q", "main")
    result = runs.settle(checkout)
    assert len(result.notes) == 3
    assert all(f"the agent's branch {name} is kept, not pushed" in result.sentence() for name in tips)
    forget(runs)
    assert set(git(checkout.mirror, "branch", "--format=%(objectname)").splitlines()) == set(tips.values())
