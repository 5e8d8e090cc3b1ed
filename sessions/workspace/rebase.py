"""Puts a run's commits on top of what others pushed meanwhile."""

import shutil

from pydantic import BaseModel

from sessions.workspace.base import Checkout, listed
from sessions.workspace.git import Git
from sessions.workspace.mirror import Mirror
from sessions.workspace.repository import make_repository

_SCRATCH = "rebase.git"
_FILES = "rebase"


class Rebased(BaseModel, frozen=True):
    """`commit` is the new end; empty if it cannot be done, and then `conflict` says why."""

    commit: str = ""
    conflict: str = ""


def put_on_top(
    checkout: Checkout, mirror: Mirror, *, commit: str, tip: str, branch: str, identity: dict[str, str]
) -> Rebased:
    """Replay what `commit` has and `tip` has not after `tip`, and keep the result on `branch` of the mirror.

    The authors and their dates stay. Changes that `tip` has already are left out.

    Raises:
        RepositoryError: git failed for another reason than a conflict.
    """
    folder, files = checkout.books / _SCRATCH, checkout.books / _FILES
    for old in (folder, files):
        shutil.rmtree(old, ignore_errors=True)
    files.mkdir()
    unbound = Git(url=checkout.url, timeout_seconds=mirror.timeout_seconds, identity=identity)
    make_repository(unbound, folder, mirror.folder, sha256=checkout.sha256)
    try:
        rebased = _replay(unbound.at(folder, files), commit, tip)
        if rebased.commit:
            mirror.keep(folder, {branch: rebased.commit})
        return rebased
    finally:
        for old in (folder, files):
            shutil.rmtree(old, ignore_errors=True)


def _replay(git: Git, commit: str, tip: str) -> Rebased:
    git.say("update-ref", "--no-deref", "HEAD", commit)
    git.say("read-tree", "--reset", "-u", commit)
    common = git.ask("merge-base", tip, commit).text
    answer = git.ask("rebase", "-q", "--rebase-merges", "--onto", tip, *([common] if common else ["--root"]))
    if answer.code:
        files = git.say("diff", "--name-only", "-z", "--diff-filter=U").split("\0")
        return Rebased(conflict=f"conflict in {listed(tuple(file for file in files if file))}")
    return Rebased(commit=git.say("rev-parse", "HEAD"))
