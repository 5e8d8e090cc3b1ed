"""Puts changed files into the index of a repository of ours, and takes some out again."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from sessions.workspace.base import LeftOut
from sessions.workspace.git import Git
from sessions.workspace.screening import LARGEST_FILE, TOO_LARGE

_LFS = b"lfs"


def stage(git: Git, paths: list[bytes]) -> list[LeftOut]:
    """Add, update or remove `paths` in the index as they stand in the work tree; returns those that cannot be.

    Raises:
        RepositoryError: git could not read a file, or the disk is full.
    """
    root = git.work_tree or Path()
    gone = [path for path in paths if _is_gone(root, path)]
    there = sorted(set(paths) - set(gone))
    lfs_files = _in_lfs(git, there)
    reasons = {path: _why_not(root, path, lfs_files) for path in there}
    # First what went: a folder may have come in the place of a file, or a link in the place of a folder.
    _update(git, gone, "--force-remove")
    _update(git, [path for path in there if not reasons[path]], "--add", "--replace")
    return [LeftOut(path=path.decode(errors="replace"), reason=reason) for path, reason in reasons.items() if reason]


def unstage(git: Git, reasons: dict[str, str], commit: str) -> list[LeftOut]:
    """Put files whose content is a key of `reasons` back to what they are in `commit`; returns which they were."""
    if not reasons:
        return []
    rows = [row.partition(b"\t") for row in git.need("ls-files", "-z", "--stage").output.split(b"\0") if row]
    found = {
        path: sha for sha, path in ((row.split(b" ")[1].decode(), path) for row, _, path in rows) if sha in reasons
    }
    if found:
        entries = b"".join(_entry(git, commit, path, len(sha)) for path, sha in found.items())
        git.need("update-index", "-z", "--replace", "--index-info", stdin=entries)
    return [LeftOut(path=path.decode(errors="replace"), reason=reasons[sha]) for path, sha in found.items()]


def take_out(git: Git, paths: list[bytes], reason: str) -> list[LeftOut]:
    """Remove new files from the index; returns them with `reason`."""
    _update(git, paths, "--force-remove")
    return [LeftOut(path=path.decode(errors="replace"), reason=reason) for path in paths]


def _entry(git: Git, commit: str, path: bytes, sha_length: int) -> bytes:
    name = os.fsdecode(path)
    row = git.need("--literal-pathspecs", "ls-tree", "-z", "--full-tree", commit, "--", name).output if commit else b""
    return row or b"0 " + b"0" * sha_length + b"\t" + path + b"\0"


def _update(git: Git, paths: list[bytes], *options: str) -> None:
    if paths:
        git.need("update-index", "-z", *options, "--stdin", stdin=b"".join(path + b"\0" for path in paths))


def _is_gone(root: Path, path: bytes) -> bool:
    """Whether there is no file any more; what a link leads to is not in the repository."""
    file = root / os.fsdecode(path)
    if path.endswith(b"/"):
        return False
    above = [parent for parent in file.parents if parent.is_relative_to(root) and parent != root]
    return any(parent.is_symlink() for parent in above) or not os.path.lexists(file) or _is_folder(file)


def _is_folder(file: Path) -> bool:
    return file.is_dir() and not file.is_symlink()


def _why_not(root: Path, path: bytes, lfs_files: set[bytes]) -> str:
    if path.endswith(b"/"):
        return "is a git repository of its own"
    file = root / os.fsdecode(path)
    found = file.lstat()
    if stat.S_ISLNK(found.st_mode):
        return ""
    reasons = {
        "is not a file": not stat.S_ISREG(found.st_mode),
        TOO_LARGE: found.st_size > LARGEST_FILE,
        "belongs to Git LFS, which is not handled": path in lfs_files,
        "cannot be read": not os.access(file, os.R_OK),
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def _in_lfs(git: Git, paths: Iterable[bytes]) -> set[bytes]:
    stdin = b"".join(path + b"\0" for path in paths if not path.endswith(b"/"))
    fields = git.need("check-attr", "-z", "--stdin", "filter", stdin=stdin).output.split(b"\0")
    return {path for path, value in zip(fields[::3], fields[2::3], strict=False) if value == _LFS}
