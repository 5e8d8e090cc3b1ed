"""How a checkout stands, for the agent's context and for the report."""

from sessions.errors import RepositoryError
from sessions.settings import Settings
from sessions.workspace.agent_refs import read_agent_refs
from sessions.workspace.base import Checkout, GitState
from sessions.workspace.git import Git
from sessions.workspace.scratch import changed_paths, describe, scratch_repository

_RECENT = 5


def git_state(checkout: Checkout, settings: Settings) -> GitState:
    """Branch, newest commits and uncommitted files of a working copy, before or after the agent had it.

    Raises:
        RepositoryError: the working copy is gone, or git cannot read it in time.
    """
    require_working_copy(checkout)
    unbound = Git(url=checkout.url, timeout_seconds=settings.git_timeout_seconds)
    refs = read_agent_refs(checkout.path)
    with scratch_repository(checkout, unbound, name="state.git", sees_agent_objects=True) as git:
        recent = describe(git, refs.head, limit=_RECENT) if refs.head else ()
        known = refs.head if recent else checkout.base
        new = (refs.head, *([f"^{checkout.base}"] if checkout.base else []))
        return GitState(
            name=checkout.name,
            url=checkout.url,
            branch=refs.branch,
            head=recent[0] if recent else None,
            recent=recent,
            ahead=int(git.say("rev-list", "--count", *new)) if recent else 0,
            uncommitted=tuple(path.decode(errors="replace") for path in changed_paths(git, known)),
            notes=checkout.notes,
        )


def require_working_copy(checkout: Checkout) -> None:
    """Say so if the working copy is not there any more.

    Raises:
        RepositoryError: it is not a folder; the agent removed or replaced it.
    """
    if checkout.path.is_symlink() or not checkout.path.is_dir():
        raise RepositoryError(
            f"{checkout.name}: the working copy {checkout.path} is gone or is no folder any more; "
            "its changes cannot be read",
            url=checkout.url,
        )
