"""What the repository ignores is not pushed, also where an agent adds it by force or changes the rules first."""

from pathlib import Path

import pytest

from tests.workspace.people import Person, Runs, files_of, git

LEFT_OUT = "is ignored by the repository"


@pytest.fixture
def ignoring(origin: Path, ada: Person) -> Path:
    """Its rules ignore a file, a folder and, further down, all but one file of a kind."""
    ada.pushes(".gitignore", ".env\nbuild/\n")
    ada.pushes("docs/.gitignore", "*.html\n!index.html\n")
    return origin


def by_force(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    git(folder, "--literal-pathspecs", "add", "-f", *names)
    git(folder, "commit", "-q", "-m", f"Add {' '.join(names)}")


def test_ignored_files_that_the_agent_committed_by_force_are_left_out_and_named(runs: Runs, ignoring: Path) -> None:
    checkout = runs.sync(ignoring)
    by_force(checkout.path, ".env", "build/out.js", "docs/a.html", "docs/index.html", ":(top)b.txt")
    result = runs.settle(checkout)
    assert (result.status, len(result.commits)) == ("pushed", 1)
    assert {(file.path, file.reason) for file in result.left_out} == {
        (name, LEFT_OUT) for name in (".env", "build/out.js", "docs/a.html")
    }
    ours = ["docs/index.html", ":(top)b.txt"]
    assert set(files_of(ignoring, "main")) == {".gitignore", "README.md", "docs/.gitignore", *ours}
    assert result.notes[0].startswith("the agent's own commits are joined into one")
    assert ".env" in git(checkout.mirror, "show", "--name-only", "sessions/nightly/run-1-head")
    assert runs.settle(checkout) == result


def test_what_was_left_out_is_told_and_kept_as_it_was_however_often_a_run_is_settled(
    runs: Runs, ignoring: Path
) -> None:
    checkout = runs.sync(ignoring, auto_push=False)
    by_force(checkout.path, ".env", "a.txt")
    first, second = runs.settle(checkout), runs.settle(checkout)
    assert [file.path for file in first.left_out] == [".env"]
    assert second == first
    assert git(checkout.mirror, "show", "sessions/nightly/run-1-head:.env") == ".env"


def test_an_ignored_file_that_the_agent_took_back_is_not_in_the_history_either(runs: Runs, ignoring: Path) -> None:
    checkout = runs.sync(ignoring)
    by_force(checkout.path, ".env")
    git(checkout.path, "rm", "-q", ".env")
    Person(checkout.path).commits("a.txt", "a", "Take it back")
    result = runs.settle(checkout)
    assert (result.status, len(result.commits), result.left_out) == ("pushed", 1, ())
    assert ".env" not in git(ignoring, "log", "--name-only", "--format=", "main")


def test_rules_that_the_agent_changed_hold_from_the_next_run_on(runs: Runs, ignoring: Path) -> None:
    for run_id, committed in (("run-1", False), ("run-2", True)):
        checkout = runs.sync(ignoring, run_id=run_id)
        (checkout.path / ".gitignore").write_text("build/\n")
        (checkout.path / ".env").write_text("PORT=1")
        assert [file.path for file in runs.settle(checkout, run_id=run_id).left_out] == [".env"] * (not committed)
        assert (".env" in files_of(ignoring, "main")) is committed


def test_an_ignored_file_that_is_there_already_can_be_changed_taken_away_and_merged(
    runs: Runs, ignoring: Path, ada: Person
) -> None:
    git(ada.clone, "pull", "-q")
    for name in (".env", "build/out.js"):
        by_force(ada.clone, name)
    git(ada.clone, "push", "-q")
    git(ada.clone, "switch", "-q", "-c", "feature")
    by_force(ada.clone, "docs/b.html")
    git(ada.clone, "push", "-q", "origin", "feature")
    checkout = runs.sync(ignoring)
    git(checkout.path, "merge", "-q", "--no-ff", "-m", "Merge", "origin/feature")
    (checkout.path / ".env").write_text("PORT=2")
    (checkout.path / "build" / "out.js").unlink()
    result = runs.settle(checkout)
    assert (result.status, result.left_out, result.notes) == ("pushed", (), ())
    assert git(ignoring, "show", "main:.env") == "PORT=2"
    assert {"build/out.js"} & set(files_of(ignoring, "main")) == set()
    assert "docs/b.html" in files_of(ignoring, "main")
