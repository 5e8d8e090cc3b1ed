"""Creates the repositories of one run: the agent's working copy, and scratch ones that only we use.

They borrow objects instead of copying or linking them: nothing that is written in one reaches its lender.
"""

import shutil
import stat
from pathlib import Path

from sessions.settings import Settings
from sessions.workspace.base import Checkout
from sessions.workspace.git import Git
from sessions.workspace.mirror import Mirror

_PUSH_NOWHERE = "the session pushes when the run is over - commit here instead"


def make_repository(git: Git, folder: Path, *lenders: Path, sha256: bool) -> None:
    """Create an empty repository whose git folder is `folder`, on the objects of the repositories `lenders`.

    The first lender says where history is cut off, if it is a shallow one.
    """
    options = () if folder.name == ".git" else ("--bare",)
    place = folder.parent if folder.name == ".git" else folder
    format_option = f"--object-format={'sha256' if sha256 else 'sha1'}"
    git.say("init", "-q", "--template=", format_option, *options, str(place))
    (folder / "objects" / "info").mkdir(parents=True, exist_ok=True)
    alternates = "".join(f"{lender / 'objects'}\n" for lender in lenders)
    (folder / "objects" / "info" / "alternates").write_text(alternates, encoding="utf-8")
    if (lenders[0] / "shallow").exists():
        shutil.copyfile(lenders[0] / "shallow", folder / "shallow")


def make_working_copy(path: Path, checkout: Checkout, mirror: Mirror, settings: Settings, hook: str) -> Git:
    """Create the working copy of `checkout` at `path`, with every branch and tag that the mirror has.

    Returns:
        git, bound to the copy; to be used only until the agent gets it.
    """
    folder = path / ".git"
    unbound = Git(url=checkout.url, timeout_seconds=settings.git_timeout_seconds)
    make_repository(unbound, folder, mirror.folder, sha256=checkout.sha256)
    git = unbound.at(folder, path)
    _write_refs(folder, checkout, mirror)
    _configure(git, checkout, settings)
    _write_hook(folder / "hooks" / "prepare-commit-msg", hook)
    if checkout.base:
        git.say("read-tree", "--reset", "-u", checkout.base)
    return git


def _write_refs(folder: Path, checkout: Checkout, mirror: Mirror) -> None:
    refs = mirror.git.say("for-each-ref", "--format=%(objectname) %(refname)", "refs/remotes/origin", "refs/tags")
    own = f"{checkout.base} refs/heads/{checkout.branch}\n" if checkout.base and checkout.branch else ""
    (folder / "packed-refs").write_text(f"{refs}\n{own}" if refs else own, encoding="utf-8")
    head = f"ref: refs/heads/{checkout.branch}" if checkout.branch else checkout.base
    (folder / "HEAD").write_text(f"{head}\n", encoding="utf-8")


def _configure(git: Git, checkout: Checkout, settings: Settings) -> None:
    values = {
        "user.name": settings.git_name,
        "user.email": settings.git_email,
        "remote.origin.url": checkout.url,
        "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*",
        "remote.origin.pushurl": _PUSH_NOWHERE,
    }
    if checkout.branch:
        values |= {
            f"branch.{checkout.branch}.remote": "origin",
            f"branch.{checkout.branch}.merge": f"refs/heads/{checkout.branch}",
        }
    for key, value in values.items():
        git.say("config", key, value)


def _write_hook(path: Path, script: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(script, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
