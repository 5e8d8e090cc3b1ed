"""Whether a repository can be had, asked without fetching anything."""

from pathlib import Path

from sessions.parameter_values import Repo
from sessions.settings import Settings
from sessions.workspace.address import find_address
from sessions.workspace.git import Git


def require_reachable(repo: Repo, *, root: Path, settings: Settings) -> None:
    """Ask the repository for the tips of its branches, with the worker's own credentials.

    Raises:
        RepositoryError: no repository there, no access, no network.
    """
    timeout = settings.git_timeout_seconds
    address = find_address(repo.url, root=root, timeout_seconds=timeout)
    Git(url=address.url, timeout_seconds=timeout, remote=True).say("ls-remote", "--heads", "--", address.url)
