"""What the rest of the project sees of a repository: the checkout, its state, and what became of its changes."""

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

#: Lists in a sentence for people end here; the rest is counted.
_SHOWN = 10


def listed(names: tuple[str, ...]) -> str:
    """`a, b, c and 4 more`."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


class Commit(BaseModel, frozen=True):
    """One commit."""

    sha: str
    subject: str
    author: str
    at: datetime


class Checkout(BaseModel, frozen=True):
    """One run's own copy of one repository.

    Attributes:
        url: where it came from and is pushed to: an address without credentials, or an absolute path.
        branch: the branch the agent works on; empty where the source had none checked out.
        base: the commit it started from; empty in a repository without commits.
        path: the working copy, the agent's to do with as it likes.
        mirror: the bare repository of everything fetched so far, shared by all runs on this machine.
        books: our own notes about this checkout; outside of the working copy.
        source: where the repository is, if it is on this machine.
        notes: what the agent and the reader of the report should know, each a sentence.
    """

    name: str
    url: str
    branch: str
    base: str
    auto_push: bool
    path: Path
    mirror: Path
    books: Path
    source: Path | None = None
    sha256: bool = False
    notes: tuple[str, ...] = ()


class GitState(BaseModel, frozen=True):
    """How a checkout stands: what `git status` and `git log` would say."""

    name: str
    url: str
    branch: str
    head: Commit | None = None
    recent: tuple[Commit, ...] = Field((), description="The newest commits, newest first, `head` included.")
    ahead: int = Field(0, description="Commits made since the run started.")
    uncommitted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class LeftOut(BaseModel, frozen=True):
    """A changed file that is not in the commit, and why."""

    path: str
    reason: str


class CommitResult(BaseModel, frozen=True):
    """What became of the changes in one checkout.

    `status` is `none` (nothing was committed), `pushed` (on the branch that was asked for), `set_aside` (pushed to a
    branch of its own, `reason` says why) or `kept` (on branch `branch` of the repository at `place`, pushed nowhere).
    """

    name: str
    url: str
    status: Literal["none", "pushed", "set_aside", "kept"]
    branch: str = ""
    place: str = ""
    reason: str = ""
    commits: tuple[Commit, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_news(self) -> bool:
        """Whether there is something to tell a person."""
        return self.status != "none" or bool(self.left_out or self.notes)

    def sentence(self) -> str:
        """One sentence for the report."""
        count = f"{len(self.commits)} commit{'s' if len(self.commits) != 1 else ''}"
        said = {
            "none": "nothing to commit",
            "pushed": f"{count} pushed to branch {self.branch}",
            "set_aside": f"{count} pushed to branch {self.branch} instead: {self.reason}",
            "kept": f"{count} kept, not pushed; fetch with: git fetch {self.place} {self.branch}",
        }[self.status]
        left = "; ".join(f"{file.path} ({file.reason})" for file in self.left_out[:_SHOWN])
        more = len(self.left_out) - _SHOWN
        rest = (f"; left out: {left}" if left else "") + (f" and {more} more" * (more > 0))
        return f"{self.name}: {said}{rest}" + "".join(f"; {note}" for note in self.notes)
