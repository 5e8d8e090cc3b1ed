"""A repository of our own beside the working copy: it sees the agent's files, and none of its configuration."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from sessions.workspace.base import Checkout, Commit
from sessions.workspace.git import Git
from sessions.workspace.repository import make_repository

_FORMAT = "%H%x00%s%x00%an%x00%aI"
_NAMES = ("sha", "subject", "author", "at")


@contextmanager
def scratch_repository(checkout: Checkout, unbound: Git, *, name: str, sees_agent_objects: bool) -> Iterator[Git]:
    """A bare repository on the mirror's objects, with the agent's files as its work tree.

    With `sees_agent_objects` it can read the agent's commits too; what is read so is not verified.
    """
    folder = checkout.books / name
    lenders = [checkout.mirror]
    if sees_agent_objects and not (checkout.path / ".git").is_symlink():
        lenders.append(checkout.path / ".git")
    shutil.rmtree(folder, ignore_errors=True)
    make_repository(unbound, folder, *lenders, sha256=checkout.sha256)
    if (checkout.books / "index").is_file():
        shutil.copy2(checkout.books / "index", folder / "index")
    try:
        yield unbound.at(folder, checkout.path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def changed_paths(git: Git, commit: str) -> list[bytes]:
    """Files that differ from `commit`, and new ones that are not ignored, as git prints them.

    A new folder that is a repository of its own ends with a slash.
    """
    if commit:
        git.say("read-tree", "--reset", commit)
    else:
        git.say("read-tree", "--empty")
    # Without this, what was only touched counts as changed. It fails where something did change.
    git.ask("update-index", "-q", "--ignore-submodules", "--refresh")
    changed = git.need("diff-files", "-z", "--name-only", "--ignore-submodules=all").output
    new = git.need("ls-files", "-z", "--others", "--exclude-standard").output
    return sorted({path for path in (changed + new).split(b"\0") if path})


def describe(git: Git, *revisions: str, limit: int) -> tuple[Commit, ...]:
    """Commits in the history of `revisions`, newest first; none if they cannot be read."""
    answer = git.ask("log", "-z", f"--max-count={limit}", f"--format={_FORMAT}", *revisions, "--")
    if answer.code:
        return ()
    fields = answer.output.decode(errors="replace").rstrip("\0").split("\0")
    rows = zip(*[iter(fields)] * len(_NAMES), strict=False)
    return tuple(Commit.model_validate(dict(zip(_NAMES, row, strict=True))) for row in rows)


def since(base: str, commit: str) -> tuple[str, ...]:
    """`git log`'s words for what `commit` has and `base` has not."""
    return (commit, f"^{base}") if base else (commit,)
