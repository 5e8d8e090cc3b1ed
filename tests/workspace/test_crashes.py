"""A process that is killed between two steps, and the same step done again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workspace.people import Person, Runs, git

#: Does what a run does, and dies at the named place without any clean-up.
_CHILD = """
import json, os, sys
from pathlib import Path
from sessions.settings import Settings
from sessions.workspace import Checkout
from sessions.workspace import commit, publication, push, rebase
from tests.workspace.people import Runs

place, checkout, folder = json.load(sys.stdin)

def dying(module, name, *, before):
    real = getattr(module, name)
    def instead(*args, **kwargs):
        if before:
            os._exit(9)
        real(*args, **kwargs)
        os._exit(9)
    setattr(module, name, instead)

module, name, when = place
dying(sys.modules[f"sessions.workspace.{module}"], name, before=when == "before")
home = Path(folder)
Runs(home, Settings(home=home / "home")).settle(Checkout.model_validate(checkout))
"""


_PLACES = [
    ("commit", "_commit", "after"),
    ("publication", "publish", "before"),
    ("push", "push", "after"),
    ("publication", "publish", "after"),
]


@pytest.mark.parametrize(
    ("place", "moved_on"),
    [
        *((place, False) for place in _PLACES),
        *((place, True) for place in _PLACES),
        (("push", "put_on_top", "after"), True),
    ],
    ids=lambda value: f"{value[2]} {value[1]}" if isinstance(value, tuple) else f"others pushed: {value}",
)
def test_a_run_that_is_killed_makes_and_pushes_one_commit(
    runs: Runs, origin: Path, ada: Person, place: tuple[str, str, str], moved_on: bool
) -> None:
    checkout = runs.sync(origin)
    Person(checkout.path).commits("own.txt", "own", "Own")
    (checkout.path / "left.txt").write_text("left")
    theirs = ["By hand"] if moved_on else []
    if moved_on:
        ada.pushes("theirs.txt", "theirs")
    given = json.dumps([place, checkout.model_dump(mode="json"), str(runs.folder)])
    child = subprocess.run([sys.executable, "-c", _CHILD], input=given, text=True, check=False, timeout=60)
    assert child.returncode == 9
    result = runs.settle(checkout)
    assert (result.status, [commit.subject for commit in result.commits]) == ("pushed", ["Tidy up", "Own"])
    assert runs.settle(checkout) == result
    assert git(origin, "log", "--format=%s", "main").splitlines() == ["Tidy up", "Own", *theirs, "Start"]
    assert git(origin, "branch", "--format=%(refname:short)") == "main"
    assert git(checkout.mirror, "fsck", "--full", "--connectivity-only", "--no-dangling") == ""


def test_commits_that_were_set_aside_are_not_pushed_again_when_the_conflict_is_gone(
    runs: Runs, origin: Path, ada: Person
) -> None:
    checkout = runs.sync(origin)
    (checkout.path / "README.md").write_text("# Ours\n")
    ada.pushes("README.md", "# Theirs\n")
    result = runs.settle(checkout)
    (checkout.books / "result.json").unlink()
    git(ada.clone, "revert", "--no-edit", "HEAD")
    git(ada.clone, "push", "-q")
    again = runs.settle(checkout)
    assert (again.status, again.branch, again.commits) == ("set_aside", result.branch, result.commits)
    assert git(origin, "show", "main:README.md") == "# Project"
