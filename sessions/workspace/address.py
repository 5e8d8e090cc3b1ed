"""Where a repository is: an address for git, a path on this machine, and a name for the folder."""

import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel

from sessions.errors import RepositoryError
from sessions.parameter_values import Repo
from sessions.workspace.git import PROTOCOLS, Git

_SCP_LIKE = re.compile(r"^[^/\\:]{2,}:(?!//)")
_DRIVE = re.compile(r"^[A-Za-z]:[\\/]")
#: Schemes whose user name belongs to the address: it is an account such as `git`, and no secret.
_NAMED_ACCOUNTS = ("ssh",)


class Address(BaseModel, frozen=True):
    """Where a repository is. `path` is set when it is on this machine."""

    url: str
    path: Path | None = None


def plain_name(text: str) -> str:
    """`text` as part of a branch or folder name: letters, digits, dots, hyphens, underscores."""
    return re.sub(r"\.{2,}|\.lock$", "-", re.sub(r"[^A-Za-z0-9._-]+", "-", text)).strip("-.") or "unnamed"


def checkout_names(repos: Sequence[Repo], root: Path) -> list[str]:
    """A folder name for each repository, in order, no two alike: `api`, `web`, `api-2`."""
    names: list[str] = []
    for repo in repos:
        last = root.resolve().name if repo.url == "." else re.split(r"[/\\:]", repo.url.rstrip("/\\"))[-1]
        name = plain_name(last.removesuffix(".git"))
        candidates = (name if number == 1 else f"{name}-{number}" for number in count(1))
        names.append(next(candidate for candidate in candidates if candidate not in names))
    return names


def find_address(url: str, *, root: Path, timeout_seconds: float) -> Address:
    """The address that `url` spells; paths are relative to `root`, the checkout that runs the session.

    Raises:
        RepositoryError: credentials in it, a protocol that is not allowed, or a path without a repository.
    """
    if any(ord(letter) < ord(" ") for letter in url) or url.startswith("-"):
        raise RepositoryError(f"{url!r}: not an address of a repository; give https, ssh, or a path", url=url)
    if "://" in url:
        return _from_url(url)
    if "::" in url or (_SCP_LIKE.match(url) and not _DRIVE.match(url)):
        return _from_scp(url)
    return _from_path((root / Path(url).expanduser()).resolve(), timeout_seconds)


def _from_url(url: str) -> Address:
    parts = urlsplit(url)
    if parts.scheme not in PROTOCOLS:
        raise RepositoryError(
            f"{parts.scheme}://{parts.hostname or ''}: not an allowed protocol; use one of {', '.join(PROTOCOLS)}",
            url=f"{parts.scheme}://{parts.hostname or ''}",
        )
    account, _, host = parts.netloc.rpartition("@")
    if account and (parts.scheme not in _NAMED_ACCOUNTS or ":" in account):
        clean = parts._replace(netloc=host).geturl()
        raise RepositoryError(
            f"{clean}: the address has credentials in it; take them out, and give them to git in the worker's "
            "environment: a credential helper, GIT_ASKPASS, or a key in SSH_AUTH_SOCK",
            url=clean,
        )
    return Address(url=url, path=Path(unquote(parts.path)) if parts.scheme == "file" else None)


def _from_scp(url: str) -> Address:
    if "::" in url:
        scheme = url.partition("::")[0]
        raise RepositoryError(
            f"{scheme}::…: not an allowed protocol; use one of {', '.join(PROTOCOLS)}", url=f"{scheme}::"
        )
    return Address(url=url)


def _from_path(path: Path, timeout_seconds: float) -> Address:
    git = Git(url=str(path), timeout_seconds=timeout_seconds, remote=True)
    answer = git.ask("-C", str(path), "rev-parse", "--is-bare-repository", "--absolute-git-dir")
    if answer.code and "dubious" in answer.error:
        git.say("-C", str(path), "rev-parse", "--absolute-git-dir")
    if answer.code:
        raise RepositoryError(f"{path}: there is no git repository; check the path", url=str(path))
    bare, folder = answer.text.splitlines()
    if bare == "true":
        return Address(url=folder, path=Path(folder))
    top = Path(git.say("-C", str(path), "rev-parse", "--show-toplevel"))
    return Address(url=str(top), path=top)
