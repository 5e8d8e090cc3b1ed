"""A remote, a person and a session, with a git configuration of their own."""

from pathlib import Path

import pytest

from sessions.settings import Settings
from tests.workspace.people import Person, Runs, bare_repository, git


@pytest.fixture(autouse=True)
def _own_git_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path / "home-of-ada"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path, Settings(home=tmp_path / "home", git_timeout_seconds=20))


@pytest.fixture
def empty_origin(tmp_path: Path) -> Path:
    return bare_repository(tmp_path / "remotes" / "project.git")


@pytest.fixture
def ada(empty_origin: Path, tmp_path: Path) -> Person:
    """A person who has pushed a first commit."""
    person = Person.cloning(empty_origin, tmp_path / "ada")
    person.pushes("README.md", "# Project\n", "Start")
    return person


@pytest.fixture
def origin(empty_origin: Path, ada: Person) -> Path:
    """A bare repository with one commit on its one branch, main."""
    git(ada.clone, "fetch", "-q")
    return empty_origin
