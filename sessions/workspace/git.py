"""Runs git: which environment it sees, how long it may take, and what its failures mean to a person.

Two kinds of calls. A *remote* call talks to where a repository lives, so it sees the person's own git configuration
and the environment's credentials. Every other call may touch what an agent wrote, so it sees no configuration but
ours: no hooks, no filters, no file-system monitors, no helpers. No call ever reads an agent's `.git/config`.
"""

import contextlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from sessions.errors import RepositoryError
from sessions.workspace.refusals import sentence_for

PROTOCOLS = ("https", "http", "ssh", "git", "file")
_PASSED = {
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "USERPROFILE", "APPDATA"),
    *("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
}
#: What git itself, ssh and the usual credential helpers read. They are given to remote calls only.
_REMOTE_PREFIXES = ("GIT_", "SSH_", "GH_", "GITHUB_", "GITLAB_", "GCM_")
#: Would point git at another repository, at another program, or would print what it sends.
_NEVER = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
    *("GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_CONFIG_PARAMETERS", "GIT_EXTERNAL_DIFF", "GIT_TRACE"),
    *("GIT_EXEC_PATH", "GIT_TEMPLATE_DIR", "GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_QUARANTINE_PATH", "GIT_CURL_VERBOSE"),
)
_FIXED = {
    "LC_ALL": "C",  # the sentences are found by git's own words
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_EDITOR": "true",
    "GIT_DEFAULT_REF_FORMAT": "files",
}
_OURS_ALONE = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_ALLOW_PROTOCOL": "file",
}
_OPTIONS = (
    *("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never"),
    *("-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "advice.detachedHead=false"),
    # Both can be forged by whoever wrote the object folder.
    *("-c", "core.commitGraph=false", "-c", "core.multiPackIndex=false"),
    *("-c", "submodule.recurse=false", "-c", "push.gpgSign=false", "-c", "push.followTags=false"),
)


def git_environment(environment: Mapping[str, str], *, remote: bool) -> dict[str, str]:
    """The part of `environment` that git may see, made safe for a process that nobody watches."""
    prefixes = _REMOTE_PREFIXES if remote else ()
    passed = {
        name: value
        for name, value in environment.items()
        if (name.upper() in _PASSED or name.startswith(prefixes)) and not name.startswith(_NEVER)
    }
    if not remote:
        return passed | _FIXED | _OURS_ALONE
    # A question of ssh (a passphrase, an unknown host) is answered with a failure instead of a wait.
    silent = {"SSH_ASKPASS": "false", "SSH_ASKPASS_REQUIRE": "force"}
    return silent | passed | _FIXED | {"GIT_ALLOW_PROTOCOL": ":".join(PROTOCOLS)}


class Answer(BaseModel, frozen=True):
    """What git said. `code` is 0 when it did what it was asked."""

    code: int
    output: bytes
    error: str

    @property
    def text(self) -> str:
        """The output as text, without the line break at its end."""
        return self.output.decode(errors="replace").rstrip("\n")


class Git(BaseModel, frozen=True):
    """git, bound to one repository.

    Attributes:
        url: what errors name: the address that a person knows the repository by.
        timeout_seconds: how long one call may take.
        remote: whether the person's configuration and credentials are used.
        identity: author and committer, as environment variables.
    """

    url: str
    timeout_seconds: float
    git_dir: Path | None = None
    work_tree: Path | None = None
    remote: bool = False
    identity: dict[str, str] = {}

    def at(self, git_dir: Path, work_tree: Path | None = None) -> "Git":
        """The same, bound to another repository."""
        return self.model_copy(update={"git_dir": git_dir, "work_tree": work_tree})

    def ask(self, *arguments: str, stdin: bytes = b"") -> Answer:
        """Run git and return what it said, whether or not it worked.

        Raises:
            RepositoryError: git is not installed, or took too long.
        """
        command = ("git", *_OPTIONS, *arguments)
        try:
            with subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment(),
                cwd=self.work_tree,
            ) as process:
                return self._wait(process, stdin, arguments[0])
        except FileNotFoundError as error:
            missing = "git is not installed" if not self.work_tree or self.work_tree.is_dir() else "its folder is gone"
            raise RepositoryError(f"{self.url}: {missing} on the worker", url=self.url) from error

    def say(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run git and return its output.

        Raises:
            RepositoryError: it failed; the sentence says what to do.
        """
        return self.need(*arguments, stdin=stdin).text

    def need(self, *arguments: str, stdin: bytes = b"") -> Answer:
        """Like `say`, for output that is not text."""
        answer = self.ask(*arguments, stdin=stdin)
        if answer.code:
            raise RepositoryError(sentence_for(self.url, answer.error), url=self.url)
        return answer

    def _environment(self) -> dict[str, str]:
        places = {"GIT_DIR": self.git_dir, "GIT_WORK_TREE": self.work_tree if self.git_dir else None}
        return (
            git_environment(os.environ, remote=self.remote)
            | {name: str(place) for name, place in places.items() if place}
            | self.identity
        )

    def _wait(self, process: "subprocess.Popen[bytes]", stdin: bytes, verb: str) -> Answer:
        try:
            output, error = process.communicate(stdin, timeout=self.timeout_seconds)
        except subprocess.TimeoutExpired as late:
            _end_tree(process)
            raise RepositoryError(
                f"{self.url}: git {verb} was not done after {self.timeout_seconds:g} s; "
                "check the network, or raise SESSIONS_GIT_TIMEOUT_SECONDS",
                url=self.url,
            ) from late
        return Answer(code=process.returncode, output=output, error=error.decode(errors="replace"))


def _end_tree(process: "subprocess.Popen[bytes]") -> None:
    import psutil  # noqa: PLC0415  (only a call that hangs needs it)

    # ssh and the transports are git's children, and would hold on to the connection.
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
    process.kill()
