"""Finds what a repository's own rules keep out of it, in what an agent wants to commit all the same.

The rules are those of the commit that the agent started from: it may have changed them since, or added a file by force.
"""

import os
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath

from sessions.errors import RepositoryError
from sessions.workspace.git import Git
from sessions.workspace.refusals import sentence_for

IGNORED = "is ignored by the repository"
_RULES = ".gitignore"
_HERE = b"./"
_NONE_IGNORED = 1


def ignored_in_index(git: Git, commit: str, *, base: str) -> list[bytes]:
    """The paths that the index has and `commit` has not, and that are ignored at `base`.

    Raises:
        RepositoryError: git failed, or the disk is full.
    """
    if not base:
        return []
    added = git.need("diff-index", "--cached", "-z", "--name-only", "--no-renames", "--diff-filter=A", commit).output
    return _ignored(git, _paths(added), base)


def ignored_in_commits(git: Git, head: str, *, base: str, known: Sequence[str]) -> list[bytes]:
    """The paths that a commit of `head` which is not in `known` has added, and that are ignored at `base`.

    Raises:
        RepositoryError: git failed, or the disk is full.
    """
    if not base:
        return []
    revisions = "".join(f"{revision}\n" for revision in (head, *(f"^{sha}" for sha in known)))
    # Of a merge only what none of its parents has.
    words = ("log", "-c", "-z", "--name-only", "--no-renames", "--diff-filter=A", "--format=", "--stdin")
    return _ignored(git, _paths(git.need(*words, stdin=revisions.encode()).output), base)


def _paths(listed: bytes) -> set[bytes]:
    return {path.strip(b"\n") for path in listed.split(b"\0")} - {b""}


def _ignored(git: Git, paths: Collection[bytes], base: str) -> list[bytes]:
    if not paths or not git.git_dir:
        return []
    with tempfile.TemporaryDirectory(dir=git.git_dir) as folder:
        above = {parent for path in paths for parent in PurePosixPath(os.fsdecode(path)).parents}
        _write_rules(git, base, above, folder)
        there = git.at(git.git_dir, Path(folder))
        # Else a name that starts with a colon would be a pattern.
        stdin = b"".join(_HERE + path + b"\0" for path in sorted(paths))
        answer = there.ask("check-ignore", "--no-index", "-z", "--stdin", stdin=stdin)
    if answer.code > _NONE_IGNORED:
        raise RepositoryError(sentence_for(git.url, answer.error), url=git.url)
    return [path.removeprefix(_HERE) for path in sorted(_paths(answer.output))]


def _write_rules(git: Git, base: str, folders: Collection[PurePosixPath], into: str) -> None:
    """Put the `.gitignore` files of `folders` where git looks for them; links are none."""
    for row in git.need("ls-tree", "-r", "-z", "--full-tree", base).output.split(b"\0"):
        mode, _, rest = row.partition(b" ")
        path = PurePosixPath(os.fsdecode(rest.partition(b"\t")[2]))
        if path.name == _RULES and path.parent in folders and ".." not in path.parts and mode.startswith(b"100"):
            file = Path(into) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(git.need("cat-file", "blob", f"{base}:{path}").output)
