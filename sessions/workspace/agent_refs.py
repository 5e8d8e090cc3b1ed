"""Reads the branches of a working copy that an agent may have changed, without running git in it.

git would obey the copy's `.git/config`, which can name programs to run; these are plain files, read as such.
"""

import re
from pathlib import Path

from pydantic import BaseModel

_SHA = re.compile(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")
_BRANCHES = "refs/heads/"
_LONGEST = 4096
_MOST_BRANCHES = 1000


class AgentRefs(BaseModel, frozen=True):
    """Where the agent left its branches. Nothing here is verified but its form.

    Attributes:
        branch: what is checked out; empty for a detached HEAD.
        head: the commit that is checked out; empty where there is none, or it cannot be read.
        others: the other branches' commits by name.
    """

    branch: str = ""
    head: str = ""
    others: dict[str, str] = {}


def read_agent_refs(path: Path) -> AgentRefs:
    """The branches of the working copy at `path`; empty if its `.git` is not a folder any more."""
    folder = path / ".git"
    if folder.is_symlink() or not folder.is_dir():
        return AgentRefs()
    branches = _packed(folder) | _loose(folder)
    head = _read(folder / "HEAD")
    if head.startswith(f"ref: {_BRANCHES}"):
        branch = head.removeprefix(f"ref: {_BRANCHES}")
        return AgentRefs(branch=branch, head=branches.pop(branch, ""), others=branches)
    return AgentRefs(head=head if _SHA.match(head) else "", others=branches)


def _read(file: Path) -> str:
    try:
        if file.is_symlink() or not file.is_file():
            return ""
        with file.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(_LONGEST).strip()
    except OSError:
        return ""


def _loose(folder: Path) -> dict[str, str]:
    found = {}
    for file in sorted(folder.glob(f"{_BRANCHES}**/*"))[:_MOST_BRANCHES]:
        if _SHA.match(sha := _read(file)):
            found[file.relative_to(folder / _BRANCHES).as_posix()] = sha
    return found


def _packed(folder: Path) -> dict[str, str]:
    file = folder / "packed-refs"
    if file.is_symlink() or not file.is_file():
        return {}
    rows = (line.partition(" ") for line in file.read_text(encoding="utf-8", errors="replace").splitlines())
    return {
        name.removeprefix(_BRANCHES): sha for sha, _, name in rows if name.startswith(_BRANCHES) and _SHA.match(sha)
    }
