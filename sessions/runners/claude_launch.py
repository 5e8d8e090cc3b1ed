"""Starts the Claude Code CLI with exactly the environment that a task gives it, and its key out of its tools' reach."""

import contextlib
import os
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import claude_agent_sdk

from sessions.errors import RunnerError

#: In the launcher's environment only; the CLI reads the key from a pipe that is empty afterwards.
KEY_VARIABLE = "SESSIONS_LAUNCH_KEY"
#: `setpriv` ends the CLI with the process that started it: else an agent goes on, and spends, that nobody hears.
_LAUNCHER = """\
#!/bin/sh
exec 3<<KEY
${key}
KEY
set -- env {unset} CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR=3 {command} "$@"
if setpriv --pdeathsig TERM true 2>/dev/null; then set -- setpriv --pdeathsig TERM "$@"; fi
exec "$@"
"""
#: What the SDK itself sets for the CLI, beside what it is given.
_SET_BY_SDK = frozenset({"CLAUDE_AGENT_SDK_VERSION", "CLAUDE_CODE_SDK_READS_SESSION_STATE", "PWD"})


def find_cli() -> Path:
    """The CLI that the SDK brings, or the one on the PATH where its wheel has none.

    Raises:
        RunnerError: there is neither.
    """
    bundled = Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude"
    if bundled.is_file():
        return bundled
    if found := shutil.which("claude"):
        return Path(found)
    raise RunnerError(
        "the Claude Code CLI is not installed; install claude-agent-sdk from its wheel for this system, which brings "
        "it, put `claude` on the PATH, or use runner anthropic"
    )


def preload() -> None:
    """Have the system read the CLI from the disk while the run is prepared: it is 370 MB. Returns at once."""
    with contextlib.suppress(RunnerError, OSError, AttributeError), find_cli().open("rb") as cli:
        os.posix_fadvise(cli.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder of the run's own for the launcher and the CLI's temporary files, gone afterwards.

    Raises:
        RunnerError: the disk does not take it.
    """
    try:
        scratch = TemporaryDirectory(prefix="sessions-agent-", ignore_cleanup_errors=True)
    except OSError as error:
        raise RunnerError(
            f"no temporary folder can be made: {error.strerror}; free some space or set TMPDIR"
        ) from error
    with scratch as path:
        yield Path(path)


def write_private(path: Path, text: str, *, executable: bool = False) -> Path:
    """Write a file that only this user can read; returns its path.

    Raises:
        RunnerError: the disk does not take it.
    """
    try:
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o700 if executable else 0o600)
    except OSError as error:
        raise RunnerError(f"{path} cannot be written: {error.strerror}; free some space or set TMPDIR") from error
    return path


def write_launcher(
    scratch: Path, command: Sequence[str], environment: Mapping[str, str], inherited: Iterable[str]
) -> Path:
    """A script to start instead of the CLI: the SDK adds `environment` to our own, and the script takes that out again.

    Args:
        scratch: the folder to write to.
        command: the program to start, with what stands before the arguments that the SDK gives it.
        environment: what the CLI shall have.
        inherited: the names of our own environment.

    Raises:
        RunnerError: the disk does not take it.
    """
    unwanted = sorted({KEY_VARIABLE, *inherited} - set(environment) - _SET_BY_SDK)
    unset = " ".join(f"-u {shlex.quote(name)}" for name in unwanted)
    script = _LAUNCHER.format(key=KEY_VARIABLE, unset=unset, command=shlex.join(command))
    return write_private(scratch / "claude", script, executable=True)
