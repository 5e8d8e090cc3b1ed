"""One file of a repository, read without making a working copy."""

from pathlib import Path

from pydantic import BaseModel

from sessions.errors import RepositoryError
from sessions.parameter_values import Repo
from sessions.settings import Settings
from sessions.workspace.address import find_address
from sessions.workspace.mirror import Mirror, mirror_folder

#: A file that is larger is not read.
MOST_BYTES = 1_000_000


class SourceFile(BaseModel, frozen=True):
    """A file as it stands at the end of a branch.

    Attributes:
        url: of the repository, without credentials.
        content: None where there is no such file.
        alike: the paths of files in that commit that end the same.
    """

    url: str
    branch: str
    commit: str
    content: bytes | None
    alike: tuple[str, ...] = ()


def read_source_file(repo: Repo, path: str, *, ending: str, root: Path, settings: Settings) -> SourceFile:
    """Bring the mirror of `repo` up to date and read `path` of its branch.

    Args:
        repo: where it is; an empty branch is the default one.
        path: of the file, from the root of the repository.
        ending: which files of the commit are named beside it.
        root: where a relative path in `repo` starts.
        settings: for the mirror and how long git may take.

    Raises:
        RepositoryError: no repository there, no access, no such branch, or a file that is too large.
    """
    timeout = settings.git_timeout_seconds
    address = find_address(repo.url, root=root, timeout_seconds=timeout)
    folder = mirror_folder(address, settings)
    mirror = Mirror(url=address.url, folder=folder, source=address.path, timeout_seconds=timeout)
    with mirror.held():
        default = mirror.refresh().default_branch
        branch = repo.branch or default
        commit = _tip(mirror, branch)
        content = _blob(mirror, f"{commit}:{path}")
        names = mirror.git.say("ls-tree", "-r", "-z", "--name-only", commit).split("\0")
    alike = tuple(name for name in names if name.endswith(ending))
    return SourceFile(url=address.url, branch=branch, commit=commit, content=content, alike=alike)


def _tip(mirror: Mirror, branch: str) -> str:
    if tip := mirror.tip(branch):
        return tip
    there = f"branch {branch}" if branch else "default branch"
    raise RepositoryError(f"{mirror.url}: there is no {there}; give one that is there", url=mirror.url)


def _blob(mirror: Mirror, name: str) -> bytes | None:
    size = mirror.git.ask("cat-file", "-s", name)
    if size.code or mirror.git.say("cat-file", "-t", name) != "blob":
        return None
    if int(size.text) > MOST_BYTES:
        raise RepositoryError(f"{mirror.url}: {name.partition(':')[2]} is larger than 1 MB", url=mirror.url)
    return mirror.git.need("cat-file", "blob", name).output
