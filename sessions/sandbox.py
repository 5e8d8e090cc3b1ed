"""An agent's own view of the machine, made by bubblewrap on Linux: its workspace, the system, and nothing beside.

What a program sees in it: the system's folders, read-only; the run's workspace and home, writable; a `/tmp` of its own;
its own processes and no others. The network is the machine's, since the agent has to reach its model.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from sessions.errors import SettingsError
from sessions.settings import Settings

_PROBE_SECONDS = 10
#: On systems where they are links into `/usr` they stay links, or programs would not find their loader.
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
#: The last two are where names of hosts are looked up on some systems, through a link in `/etc`.
_SYSTEM = ("/usr", "/etc", "/opt", "/nix", "/snap", "/sys", "/run/systemd/resolve", "/run/resolvconf")
#: Root reads these in `/etc`, whatever else it may not do.
_SECRETS = ("/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-", "/etc/sudoers", "/etc/krb5.keytab")
_SECRET_FOLDERS = ("/etc/ssl/private", "/etc/sudoers.d", "/etc/ssh", "/etc/kubernetes")
#: Variables that name a file or folder which programs read.
_NAMED = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
#: In a session of its own, or it could type into the terminal that a worker was started from.
_APART = (
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--die-with-parent",
    "--new-session",
)


class Sandbox(BaseModel, frozen=True):
    """What goes in front of a command; made by `open_sandbox`."""

    arguments: tuple[str, ...]

    def wrap(
        self, argv: Sequence[str], *, cwd: Path, readable: Iterable[Path] = (), writable: Iterable[Path] = ()
    ) -> list[str]:
        """The command that runs `argv` in the sandbox.

        Args:
            argv: what runs in it.
            cwd: where it starts.
            readable: what it may see besides.
            writable: what it may change besides.
        """
        more = [*_binds("--ro-bind", readable), *_binds("--bind", writable)]
        return [*self.arguments, *more, "--remount-ro", "/", "--chdir", str(cwd), "--", *argv]


def open_sandbox(
    settings: Settings,
    *,
    writable: Iterable[Path],
    readable: Iterable[Path] = (),
    hidden: Iterable[Path] = (),
    environment: Mapping[str, str] = os.environ,
) -> Sandbox | None:
    """The sandbox of a run; None where the settings want none, or want one only if it can be had.

    Args:
        settings: whether there is one, and what may be read in it besides.
        writable: the run's own folders.
        readable: what its repositories borrow from.
        hidden: folders in what is writable that are not the agent's.
        environment: of the agent; the certificates that it names are there.

    Raises:
        SettingsError: there has to be one, and this machine has none.
    """
    if not is_sandboxed(settings):
        return None
    named = (Path(environment[name]) for name in _NAMED if environment.get(name))
    seen = [*_own_python(), *settings.sandbox_read, *named, *readable]
    inside = [*_binds("--ro-bind", seen), *_binds("--bind", writable), *_empty(hidden)]
    return Sandbox(arguments=(*_base(), *inside))


def is_sandboxed(settings: Settings) -> bool:
    """Whether agents run in a sandbox here.

    Raises:
        SettingsError: they have to, and this machine has none; or a folder that they may read is not there.
    """
    if settings.sandbox == "off":
        return False
    if gone := [str(path) for path in settings.sandbox_read if not path.exists()]:
        raise SettingsError(f"SESSIONS_SANDBOX_READ: {', '.join(gone)} is not there; take it out, or make it")
    why_not = why_no_sandbox()
    if why_not and settings.sandbox == "on":
        raise SettingsError(
            f"SESSIONS_SANDBOX is on, and agents cannot be put into a sandbox: {why_not}; mend it, or set it to auto"
        )
    return not why_not


@cache
def why_no_sandbox() -> str:
    """Why this machine has no sandbox, without a full stop; empty if it has. Looked at once a process."""
    if sys.platform != "linux":
        return "bubblewrap is for Linux only"
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed"
    try:
        probe = Sandbox(arguments=_base()).wrap(["true"], cwd=Path("/"))
        done = subprocess.run(probe, capture_output=True, text=True, check=False, timeout=_PROBE_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not run: {error}"
    said = " ".join(done.stderr.split()) or f"it ended with {done.returncode}"
    return f"bubblewrap does not work here: {said}" if done.returncode else ""


def _base() -> tuple[str, ...]:
    parts = [
        shutil.which("bwrap") or "bwrap",
        *_APART,
        *_top_folders(),
        *_binds("--ro-bind", map(Path, _SYSTEM)),
        *_masked(),
        *("--proc", "/proc", "--dev", "/dev"),
        *("--tmpfs", "/dev/shm", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp", "--setenv", "TMPDIR", "/tmp"),  # noqa: S108
    ]
    return tuple(parts)


def _top_folders() -> Iterator[str]:
    for folder in (Path("/", name) for name in _MERGED):
        if folder.is_symlink():
            yield from ("--symlink", str(folder.readlink()), str(folder))
        elif folder.is_dir():
            yield from ("--ro-bind", str(folder), str(folder))


def _masked() -> Iterator[str]:
    for file in filter(os.path.exists, _SECRETS):
        yield from ("--ro-bind", "/dev/null", file)
    yield from _empty(map(Path, _SECRET_FOLDERS))


def _empty(folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        if folder.is_dir():
            yield from ("--tmpfs", str(folder))


def _binds(option: str, paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        if path.exists():
            yield from (option, str(path.absolute()), str(path.absolute()))


def _own_python() -> list[Path]:
    """The Python that we run on is often the one that an agent is to use, and may lie in a home."""
    return [Path(prefix) for prefix in sorted({sys.base_prefix, sys.prefix}) if prefix not in ("/", "/usr")]
