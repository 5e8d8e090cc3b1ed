"""A session and a person push to one branch at the same time, again and again, often to the same lines.

`make race` pushes 200 times each; the tests as they run with the others fewer times.
"""

import os
import random
import threading
from pathlib import Path

from sessions.workspace import CommitResult
from tests.workspace.people import Person, Runs, git

ROUNDS = int(os.environ.get("RACE_ROUNDS", "40"))
SHARED_FILES = ("door.txt", "lamp.txt", "roof.txt")
HOW_OFTEN_THE_SAME_LINE = 0.4
PATIENCE_SECONDS = 60


class Race:
    """Both sides, and what each of them has pushed: by subject, since a rebase gives a commit another name."""

    def __init__(self, runs: Runs, ada: Person, seed: int) -> None:
        self.runs, self.ada = runs, ada
        self.chance = random.Random(seed)  # noqa: S311 - nothing secret hangs on it
        self.of_ada: list[str] = []
        self.of_runs: dict[str, CommitResult] = {}
        self.written: dict[str, tuple[str, str]] = {}

    def round(self, number: int, origin: Path) -> None:
        """One change of each side, begun from the same commit and pushed at the same moment."""
        mine, hers = self._path("run", number), self._path("ada", number)
        checkout = self.runs.sync(origin, run_id=f"run-{number}")
        (checkout.path / mine).write_text(f"run {number}\n")
        start = threading.Barrier(2)
        person = threading.Thread(target=self._push_by_hand, args=(hers, number, start))
        person.start()
        try:
            start.wait(PATIENCE_SECONDS)
            result = self.runs.settle(checkout, run_id=f"run-{number}", message=f"run-{number}")
        finally:
            person.join(PATIENCE_SECONDS)
        self.of_runs[f"run-{number}"] = result
        self.written[f"run-{number}"] = (mine, f"run {number}")

    def _path(self, side: str, number: int) -> str:
        same = self.chance.random() < HOW_OFTEN_THE_SAME_LINE
        return self.chance.choice(SHARED_FILES) if same else f"{side}-{number}.txt"

    def _push_by_hand(self, path: str, number: int, start: threading.Barrier) -> None:
        """As people do: commit, push, and where somebody was faster, put the commit on top and push again."""
        self.ada.commits(path, f"ada {number}\n", f"ada-{number}")
        start.wait(PATIENCE_SECONDS)
        while True:
            try:
                git(self.ada.clone, "push", "-q")
            except AssertionError:
                git(self.ada.clone, "pull", "-q", "--rebase", "-X", "theirs")
                continue
            self.of_ada.append(f"ada-{number}")
            return


def test_every_commit_of_both_sides_is_on_the_remote_once(runs: Runs, origin: Path, ada: Person) -> None:
    race = Race(runs, ada, seed=20261120)
    for number in range(ROUNDS):
        race.round(number, origin)
    on_main = git(origin, "log", "--format=%s", "main").splitlines()
    pushed = [name for name, result in race.of_runs.items() if result.status == "pushed"]
    aside = [name for name, result in race.of_runs.items() if result.status == "set_aside"]
    assert sorted([*pushed, *aside]) == sorted(race.of_runs)
    assert sorted(on_main) == sorted(["Start", *race.of_ada, *pushed])
    assert len(race.of_ada) == ROUNDS
    assert aside, "without a conflict nothing is shown"
    for name in pushed:
        # What is on the branch was never taken off it again, by nobody's force.
        assert git(origin, "merge-base", race.of_runs[name].commits[0].sha, "main") == race.of_runs[name].commits[0].sha
    for name in aside:
        branch = race.of_runs[name].branch
        assert branch == f"sessions/{runs.session}/{name}"
        path, text = race.written[name]
        assert git(origin, "show", f"{branch}:{path}") == text
        assert git(origin, "log", "--format=%s", f"main..{branch}") == name
