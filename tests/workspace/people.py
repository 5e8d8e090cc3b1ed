"""What the tests of repositories share: a person with a clone of her own, and a session's runs."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from sessions.parameter_values import Repo
from sessions.redaction import Redactor
from sessions.settings import Settings
from sessions.workspace import Checkout, CommitResult, commit_and_push, sync_repo


def git(folder: Path, *arguments: str) -> str:
    """Run git in `folder` as a person does, with every configuration that is there."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise AssertionError(f"git {' '.join(arguments)}: {done.stderr}{done.stdout}")
    return done.stdout.strip()


def files_of(folder: Path, revision: str) -> list[str]:
    """The paths in a commit."""
    return git(folder, "ls-tree", "-r", "--name-only", revision).splitlines()


def bare_repository(path: Path, *options: str) -> Path:
    """An empty bare repository."""
    path.mkdir(parents=True)
    git(path, "init", "-q", "--bare", "-b", "main", *options)
    return path


@dataclass
class Person:
    """Works on a clone and pushes, like anybody does beside a session."""

    clone: Path

    @classmethod
    def cloning(cls, origin: Path, clone: Path) -> "Person":
        """A person with a fresh clone of `origin`."""
        git(clone.parent, "clone", "-q", str(origin), str(clone))
        return cls(clone)

    def commits(self, path: str, text: str, message: str = "By hand") -> str:
        """Write a file and commit it; returns the commit."""
        file = self.clone / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        git(self.clone, "add", "-A")
        git(self.clone, "commit", "-q", "-m", message)
        return git(self.clone, "rev-parse", "HEAD")

    def pushes(self, path: str, text: str, message: str = "By hand") -> str:
        """Commit a file and push the branch that is checked out."""
        sha = self.commits(path, text, message)
        git(self.clone, "push", "-q", "origin", "HEAD")
        return sha


@dataclass
class Runs:
    """A session whose runs work on repositories below one temporary folder."""

    folder: Path
    settings: Settings
    session: str = "nightly"
    redact: Redactor = field(default_factory=lambda: Redactor({"DEPLOY_TOKEN": "hunter2hunter2"}))

    def sync(self, url: str | Path, *, run_id: str = "run-1", branch: str = "", auto_push: bool = True) -> Checkout:
        """Check a repository out for one run."""
        repo = Repo(url=str(url), branch=branch, auto_push=auto_push)
        into = self.folder / "runs" / run_id
        return sync_repo(repo, into=into, root=self.folder, settings=self.settings, session=self.session, run_id=run_id)

    def settle(self, checkout: Checkout, *, run_id: str = "run-1", message: str = "Tidy up") -> CommitResult:
        """Commit and push what was changed in it."""
        return commit_and_push(
            checkout,
            message=message,
            run_id=run_id,
            session=self.session,
            settings=self.settings,
            redact=self.redact,
        )
