"""Gives a run its own copy of a repository, and takes it away again.

The copy borrows the mirror's objects instead of linking to them, so that nothing written in it reaches the mirror; its
configuration holds no credentials and no address to push to.
"""

import os
import shutil
import stat
from pathlib import Path

from pydantic import BaseModel, ValidationError

from sessions.errors import RepositoryError
from sessions.files import write_whole
from sessions.parameter_values import Repo
from sessions.settings import Settings
from sessions.workspace.address import Address, checkout_names, find_address
from sessions.workspace.base import Checkout
from sessions.workspace.listing import Listing
from sessions.workspace.mirror import Mirror, mirror_folder
from sessions.workspace.remarks import remarks_on_content, remarks_on_earlier_attempt, remarks_on_source
from sessions.workspace.repository import make_working_copy
from sessions.workspace.trailers import trailer_hook

_FALLBACK_BRANCH = "main"
_RECORD = "checkout.json"
_BOOKS = ".workspace"


class Start(BaseModel, frozen=True):
    """Where the agent starts: the branch it works on (empty for none), and its commit (empty for none)."""

    branch: str
    commit: str
    notes: tuple[str, ...] = ()


def sync_repo(
    repo: Repo, *, into: Path, root: Path, settings: Settings, session: str, run_id: str, name: str = ""
) -> Checkout:
    """Bring the mirror of `repo` up to date and make this run's own working copy of it, `into/<name>`.

    A copy that this run made before (it was interrupted) is returned as the agent left it. `into` is the run's folder;
    relative paths in `repo` start at `root`, the checkout that runs the session. `name` is for two repositories that
    are called the same (see `checkout_names`). `session` and `run_id` go into the trailers of the agent's commits.

    Raises:
        RepositoryError: no repository there, no access, no network, a branch name that cannot be, a full disk.
    """
    name = name or checkout_names([repo], root)[0]
    address = find_address(repo.url, root=root, timeout_seconds=settings.git_timeout_seconds)
    books = into / _BOOKS / name
    try:
        made = reopen_checkout(name, into=into)
        if made and made.url == address.url:
            return made
        return _fresh(repo, address, into / name, books, settings, session, run_id)
    except OSError as error:
        raise RepositoryError(
            f"{address.url}: the working copy cannot be made in {into}: {error.strerror or error}; "
            "check the disk and its permissions",
            url=address.url,
        ) from error


def reopen_checkout(name: str, *, into: Path) -> Checkout | None:
    """The working copy `into/<name>` that `sync_repo` made, as the agent left it; None if it is not there.

    Nobody is asked, so that its changes can be committed also where the repository is gone.

    Raises:
        RepositoryError: our note about it cannot be read.
    """
    record = into / _BOOKS / name / _RECORD
    try:
        checkout = Checkout.model_validate_json(record.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise RepositoryError(
            f"{name}: {record} is not our note about a working copy any more; the copy itself is left as it is",
            url=name,
        ) from error
    return checkout if checkout.path.is_dir() else None


def discard(checkout: Checkout) -> None:
    """Remove the working copy and our notes about it. The mirror, and what is kept in it, stays.

    Raises:
        RepositoryError: it cannot be removed.
    """
    try:
        for folder in (checkout.path, checkout.books):
            _remove(folder)
    except OSError as error:
        raise RepositoryError(
            f"{checkout.name}: the working copy {checkout.path} cannot be removed: {error.strerror or error}",
            url=checkout.url,
        ) from error


def _fresh(
    repo: Repo, address: Address, path: Path, books: Path, settings: Settings, session: str, run_id: str
) -> Checkout:
    folder, timeout = mirror_folder(address, settings), settings.git_timeout_seconds
    mirror = Mirror(url=address.url, folder=folder, source=address.path, timeout_seconds=timeout)
    with mirror.held():
        listing = mirror.refresh()
        start = _where_to_start(repo, mirror, listing)
        earlier = remarks_on_earlier_attempt(mirror, start.commit, session, run_id)
    for old in (path, books):
        _remove(old)
    books.mkdir(parents=True)
    checkout = Checkout(
        name=path.name,
        url=address.url,
        branch=start.branch,
        base=start.commit,
        auto_push=repo.auto_push,
        path=path,
        mirror=folder,
        books=books,
        source=address.path,
        sha256=listing.sha256,
    )
    content = _fill(checkout, mirror, settings, trailer_hook(session, run_id, settings.git_trailers))
    notes = (*start.notes, *earlier, *content, *remarks_on_source(address, timeout))
    return _recorded(checkout.model_copy(update={"notes": notes}))


def _recorded(checkout: Checkout) -> Checkout:
    write_whole(checkout.books / _RECORD, checkout.model_dump_json())
    return checkout


def _where_to_start(repo: Repo, mirror: Mirror, listing: Listing) -> Start:
    if repo.branch and mirror.git.ask("check-ref-format", "--branch", repo.branch).text != repo.branch:
        raise RepositoryError(f"{mirror.url}: {repo.branch!r} is not a name that a branch can have", url=mirror.url)
    branch = repo.branch or listing.default_branch
    if tip := mirror.tip(branch):
        return Start(branch=branch, commit=tip)
    if not listing.refs:
        return Start(branch=branch or _FALLBACK_BRANCH, commit="", notes=("the repository has no commits yet",))
    head = mirror.tip(listing.default_branch) or mirror.known_refs().get("HEAD", "")
    if not head:
        raise RepositoryError(f"{mirror.url}: the repository names no default branch; give `branch`", url=mirror.url)
    if not branch:
        note = "the source has no branch checked out (detached HEAD); the work starts at its commit"
        return Start(branch="", commit=head, notes=(note,))
    origin = f"branch {listing.default_branch}" if listing.default_branch else f"commit {head[:8]}"
    return Start(branch=branch, commit=head, notes=(f"branch {branch} is new; it starts from {origin}",))


def _fill(checkout: Checkout, mirror: Mirror, settings: Settings, hook: str) -> list[str]:
    # Under another name first: what stands at `checkout.path` is complete, whenever we are killed.
    part = checkout.books / "part"
    git = make_working_copy(part, checkout, mirror, settings, hook)
    if checkout.base:
        # What the files looked like when they were fresh: later only those that differ are read again.
        shutil.copy2(part / ".git" / "index", checkout.books / "index")
    remarks = remarks_on_content(git)
    part.rename(checkout.path)
    return remarks


def _remove(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
        return
    if not folder.exists():
        return
    try:
        shutil.rmtree(folder)
    except PermissionError:
        for path, _, _ in os.walk(folder):
            Path(path).chmod(stat.S_IRWXU)
        shutil.rmtree(folder)
