"""Whether a repository can be had, and pushed to, asked without fetching or changing anything."""

import tempfile
from pathlib import Path

from sessions.errors import RepositoryError
from sessions.parameter_values import Repo
from sessions.settings import Settings
from sessions.workspace.address import find_address
from sessions.workspace.base import Checkout
from sessions.workspace.git import Git
from sessions.workspace.listing import parse_listing
from sessions.workspace.push import REJECTED, push_options
from sessions.workspace.refusals import sentence_for

#: Is on no remote, so that what is proposed is a new branch and needs nothing that is there.
_BRANCH = "refs/heads/sessions/may-it-be-pushed"
_NOBODY = {f"GIT_{role}_{part}": "nobody" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}


def require_reachable(repo: Repo, *, root: Path, settings: Settings) -> None:
    """Ask the repository for the tips of its branches, with the worker's own credentials; and whether it takes a push.

    Raises:
        RepositoryError: no repository there, no access, no network, or nothing may be pushed though it should be.
    """
    timeout = settings.git_timeout_seconds
    address = find_address(repo.url, root=root, timeout_seconds=timeout)
    git = Git(url=address.url, timeout_seconds=timeout, remote=True)
    listing = parse_listing(git.say("ls-remote", "--heads", "--", address.url))
    if repo.auto_push:
        _propose(git, is_here=address.path is not None, sha256=listing.sha256)


def require_pushable(checkout: Checkout, settings: Settings) -> None:
    """Ask where a checkout came from whether it takes a push, if it is to have one.

    Raises:
        RepositoryError: the worker may not push, or the repository cannot be reached any more.
    """
    if checkout.auto_push:
        git = Git(url=checkout.url, timeout_seconds=settings.git_timeout_seconds, remote=True)
        _propose(git, is_here=checkout.source is not None, sha256=checkout.sha256)


def _propose(git: Git, *, is_here: bool, sha256: bool) -> None:
    """Go through with a push, short of sending anything: access is asked for first, and with the same credentials."""
    with tempfile.TemporaryDirectory(prefix="sessions-push-") as folder:
        commit = _empty_commit(git, Path(folder), sha256=sha256)
        words = ("push", "--dry-run", *push_options(is_here=is_here), "--", git.url, f"{commit}:{_BRANCH}")
        answer = git.at(Path(folder)).ask(*words)
    # That the branch is there after all was not asked.
    if answer.code and not REJECTED.search(answer.output.decode(errors="replace")):
        raise RepositoryError(
            f"{sentence_for(git.url, answer.error)}; it can be read and not be pushed to, which auto_push needs",
            url=git.url,
        )


def _empty_commit(git: Git, folder: Path, *, sha256: bool) -> str:
    ours = git.model_copy(update={"remote": False, "identity": _NOBODY})
    ours.say("init", "-q", "--bare", "--template=", f"--object-format={'sha256' if sha256 else 'sha1'}", str(folder))
    there = ours.at(folder)
    return there.say("commit-tree", there.say("hash-object", "-w", "-t", "tree", "--stdin"), "-m", "Nothing")
