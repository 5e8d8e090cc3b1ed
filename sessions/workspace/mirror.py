"""A bare copy of everything ever fetched from one repository, kept between runs.

Nothing is ever removed from its objects: working copies borrow them, and commits that could not be pushed live there.
Its branches are ours (`sessions/…`); what the source has is under `refs/remotes/origin/`.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel

from sessions.errors import RepositoryError
from sessions.settings import Settings
from sessions.workspace.address import Address, plain_name
from sessions.workspace.git import Git
from sessions.workspace.listing import Listing, parse_listing

#: More packs than this are joined; a fetch adds one.
_MANY_PACKS = 50
_HEAD = "refs/sessions/source-head"
_TRACKED = ("refs/remotes/origin", "refs/tags", _HEAD)
_OWN_BRANCHES = "refs/heads/"
_FETCH = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
#: The repository that serves is always one that we made, and its commits have no branches there.
_SERVE = "git -c uploadpack.allowAnySHA1InWant=true upload-pack"


def mirrors_folder(settings: Settings) -> Path:
    """Where all mirrors are."""
    return settings.home / "mirrors"


def mirror_folder(address: Address, settings: Settings) -> Path:
    """Where the mirror of `address` is."""
    last = plain_name(address.url.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git"))
    return mirrors_folder(settings) / f"{last[:40]}-{hashlib.sha256(address.url.encode()).hexdigest()[:12]}"


class Mirror(BaseModel, frozen=True):
    """The mirror of one repository. Use it inside `with mirror.held():`.

    Attributes:
        folder: the bare repository.
        source: where the source is, if it is on this machine.
    """

    url: str
    folder: Path
    source: Path | None
    timeout_seconds: float

    @property
    def git(self) -> Git:
        """Git on the mirror, with no configuration but ours."""
        return Git(url=self.url, timeout_seconds=self.timeout_seconds, git_dir=self.folder)

    @property
    def remote(self) -> Git:
        """Git on the mirror, with the person's configuration and credentials."""
        return self.git.model_copy(update={"remote": True})

    @property
    def _nowhere(self) -> Git:
        return self.git.model_copy(update={"git_dir": None})

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else on this machine uses the mirror meanwhile; the lock dies with its holder.

        Raises:
            RepositoryError: another process holds it for longer than the timeout.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(f"{self.folder}.lock", timeout=self.timeout_seconds):
                self._remove_stale_locks()
                yield
        except Timeout as late:
            raise RepositoryError(
                f"{self.url}: another session has been using this repository for more than {self.timeout_seconds:g} s; "
                "wait for it to end, or raise SESSIONS_GIT_TIMEOUT_SECONDS",
                url=self.url,
            ) from late

    def refresh(self) -> Listing:
        """Fetch what is new at the source.

        Raises:
            RepositoryError: the source cannot be reached or read.
        """
        listing = parse_listing(self._listing_git().say("ls-remote", "--symref", "--", self.url))
        if not self.folder.exists():
            self._create(sha256=listing.sha256)
        if listing.refs != self.known_refs() or self._can_be_deepened():
            self._fetch(listing)
        if not listing.refs and self.source:
            return listing.model_copy(update={"default_branch": self._ask_source("symbolic-ref", "--short", "HEAD")})
        return listing

    def known_refs(self) -> dict[str, str]:
        """The source's branches and tags as of the last fetch, by their names there."""
        lines = self.git.say("for-each-ref", "--format=%(objectname) %(refname)", *_TRACKED).splitlines()
        return {_name_there(name): sha for sha, _, name in (line.partition(" ") for line in lines)}

    def tip(self, branch: str) -> str:
        """The commit at the end of the source's `branch`; empty if there is none."""
        return (
            self.git.ask("rev-parse", "--verify", "--quiet", f"refs/remotes/origin/{branch}^0").text if branch else ""
        )

    def kept(self, branch: str) -> str:
        """The commit at the end of our own `branch`; empty if there is none."""
        return self.git.ask("rev-parse", "--verify", "--quiet", f"{_OWN_BRANCHES}{branch}^0").text

    def keep(self, source: Path, commits: dict[str, str]) -> None:
        """Take commits over from the repository at `source` onto branches of our own; all of them or none.

        Every object is named anew by what is in it, and must be complete: the source need not be trusted.

        Args:
            source: a repository that we made; it may borrow its objects from one that we did not.
            commits: by branch.

        Raises:
            RepositoryError: a commit is missing, incomplete or malformed.
        """
        refspecs = [f"+{sha}:{_OWN_BRANCHES}{branch}" for branch, sha in commits.items()]
        self.git.say(
            *("-c", "fetch.fsckObjects=true", "fetch", *_FETCH, "--atomic", f"--upload-pack={_SERVE}"),
            *(str(source), *refspecs),
        )

    def own_branches(self, name: str) -> dict[str, str]:
        """The commits of our own branches called `name`, `name` with a hyphen and more, or below `name`, by branch."""
        patterns = (f"{_OWN_BRANCHES}{name}", f"{_OWN_BRANCHES}{name}-*")
        lines = self.git.say("for-each-ref", "--format=%(objectname) %(refname)", *patterns).splitlines()
        return {ref.removeprefix(_OWN_BRANCHES): sha for sha, _, ref in (line.partition(" ") for line in lines)}

    def forget(self, branch: str) -> None:
        """Drop one of our own branches; it need not be there."""
        self.git.say("update-ref", "-d", f"{_OWN_BRANCHES}{branch}")

    def contains(self, descendant: str, ancestor: str) -> bool:
        """Whether `ancestor` is in the history of `descendant`."""
        return self.git.ask("merge-base", "--is-ancestor", ancestor, descendant).code == 0

    def _listing_git(self) -> Git:
        # Before the first fetch there is no mirror to run in.
        return self.remote if self.folder.exists() else self._nowhere.model_copy(update={"remote": True})

    def _create(self, *, sha256: bool) -> None:
        part = Path(tempfile.mkdtemp(prefix=f".{self.folder.name}-", dir=self.folder.parent))
        format_option = ("--object-format=sha256",) if sha256 else ()
        try:
            self._nowhere.say("init", "-q", "--bare", "--template=", *format_option, str(part))
            part.rename(self.folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _fetch(self, listing: Listing) -> None:
        refspecs = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
        if "HEAD" in listing.refs:
            refspecs.append(f"+HEAD:{_HEAD}")
        depth = ("--unshallow",) if self._can_be_deepened() else ("--update-shallow",)
        self.remote.say("fetch", *_FETCH, "--prune", *depth, "--", self.url, *refspecs)
        if len(list(self.folder.glob("objects/pack/*.pack"))) > _MANY_PACKS:
            self.git.say("repack", "--geometric=2", "-d", "-q")

    def _can_be_deepened(self) -> bool:
        if not self.source or not (self.folder / "shallow").exists():
            return False
        return self._ask_source("rev-parse", "--is-shallow-repository") == "false"

    def _ask_source(self, *arguments: str) -> str:
        inner = (self.source or Path()) / ".git"
        return self.remote.ask("--git-dir", str(inner if inner.exists() else inner.parent), *arguments).text

    def _remove_stale_locks(self) -> None:
        # We hold the only lock that counts, so git's own ones are left over from a process that was killed.
        for stale in (*self.folder.glob("*.lock"), *self.folder.glob("refs/**/*.lock")):
            stale.unlink(missing_ok=True)


def _name_there(name: str) -> str:
    return "HEAD" if name == _HEAD else name.replace("refs/remotes/origin/", "refs/heads/", 1)
