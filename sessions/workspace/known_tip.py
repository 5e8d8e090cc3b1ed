"""How far the agent's knowledge of a branch reaches once its run is over."""

import hashlib
from collections.abc import Iterable

from sessions.settings import Settings
from sessions.workspace.base import Checkout, CommitResult
from sessions.workspace.mirror import Mirror
from sessions.workspace.scratch import since


def mark_commits(checkouts: Iterable[Checkout], commits: Iterable[str]) -> str:
    """Stands for the commits of the branches, in the order of `checkouts`."""
    lines = [f"{checkout.url} {checkout.branch} {commit}" for checkout, commit in zip(checkouts, commits, strict=True)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def known_tip(checkout: Checkout, result: CommitResult, settings: Settings) -> str:
    """The newest commit of the branch with nothing before it that the run has neither seen nor made.

    That is what it pushed itself, or what it started from where somebody else's commits came in between.
    """
    if result.status != "pushed" or not result.commits:
        return checkout.base
    newest = result.commits[0].sha
    mirror = Mirror(
        url=checkout.url, folder=checkout.mirror, source=checkout.source, timeout_seconds=settings.git_timeout_seconds
    )
    added = mirror.git.ask("rev-list", *since(checkout.base, newest))
    on_top = not checkout.base or mirror.contains(newest, checkout.base)
    only_own = set(added.text.split()) == {commit.sha for commit in result.commits}
    return newest if on_top and only_own else checkout.base
