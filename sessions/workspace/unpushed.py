"""Branches of ours that hold commits which are nowhere at the source.

They stay when their runs go, because nothing that an agent committed is ever lost. That costs little: a mirror never
lets go of objects anyway, so a branch that stays is one name of some fifty bytes more, and an hourly session that
pushes nothing leaves half a megabyte of them in a year. Who has looked at them deletes them with `git branch -D`.
"""

from collections.abc import Mapping
from pathlib import Path

from sessions.settings import Settings
from sessions.workspace.commit import AS_IT_WAS, OWN_BRANCHES, kept_branch
from sessions.workspace.mirror import Mirror, mirrors_folder


def forget_run(*, session: str, run_id: str, settings: Settings) -> None:
    """Drop the branches of a run in all mirrors, but those with commits that were never pushed.

    What was joined into one commit, because something in it must not be published, goes in its old form.

    Raises:
        RepositoryError: a mirror is in use for too long, or git refuses.
    """
    for mirror in _mirrors(settings):
        with mirror.held():
            own = mirror.own_branches(kept_branch(session, run_id))
            for branch in own.keys() - _unpushed(mirror, own):
                mirror.forget(branch)


def count_unpushed(settings: Settings) -> dict[Path, int]:
    """How many branches that were never pushed each mirror has; those without any are left out.

    Raises:
        RepositoryError: git is not installed, or cannot read a mirror.
    """
    counts = {mirror.folder: len(unpushed_branches(mirror)) for mirror in _mirrors(settings)}
    return {folder: count for folder, count in counts.items() if count}


def unpushed_branches(mirror: Mirror) -> set[str]:
    """All of them in one mirror, by what its source had when it was last fetched."""
    return _unpushed(mirror, mirror.own_branches(OWN_BRANCHES))


def say_unpushed(count: int, folder: Path, *, runs: str = "runs") -> str:
    """How many branches of `runs` a mirror has, and how to see them, for a person."""
    said = f"a branch of {runs} was" if count == 1 else f"{count} branches of {runs} were"
    return f"{said} never pushed; see: git -C {folder} branch"


def _unpushed(mirror: Mirror, own: Mapping[str, str]) -> set[str]:
    if not own:
        return set()
    wanted = "".join(
        f"{revision}\n" for revision in (*own.values(), *(f"^{sha}" for sha in mirror.known_refs().values()))
    )
    new = set(mirror.git.say("rev-list", "--stdin", stdin=wanted.encode()).split())
    return {branch for branch, sha in own.items() if sha in new and not branch.endswith(AS_IT_WAS)}


def _mirrors(settings: Settings) -> list[Mirror]:
    folders = [head.parent for head in sorted(mirrors_folder(settings).glob("*/HEAD"))]
    timeout = settings.git_timeout_seconds
    return [Mirror(url=str(folder), folder=folder, source=None, timeout_seconds=timeout) for folder in folders]
