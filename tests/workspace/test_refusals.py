"""Addresses that cannot be used, and what a person reads when git fails."""

import base64
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sessions.errors import RepositoryError
from sessions.settings import Settings
from sessions.workspace.git import git_environment
from sessions.workspace.refusals import sentence_for
from tests.workspace.people import Person, Runs, git

PASSWORD = "correct-horse-battery"


class _Guarded(SimpleHTTPRequestHandler):
    """Serves a folder to whoever knows the password."""

    def do_GET(self) -> None:
        wanted = base64.b64encode(f"ada:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") == f"Basic {wanted}":
            super().do_GET()
            return
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Guarded, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/project.git"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    "url",
    [
        f"https://ada:{PASSWORD}@host.example/x.git",
        f"https://{PASSWORD}@host.example/x.git",
        f"ssh://git:{PASSWORD}@host.example/x.git",
    ],
)
def test_an_address_with_credentials_is_refused_without_showing_them(runs: Runs, url: str) -> None:
    with pytest.raises(
        RepositoryError, match=r"host\.example/x\.git: the address has credentials in it; take them"
    ) as no:
        runs.sync(url)
    assert PASSWORD not in str(no.value) + no.value.url


@pytest.mark.parametrize("url", ["ext::sh -c touch% x", "ftp://host.example/x", "fd::17", "--upload-pack=x", "a\nb"])
def test_an_address_that_is_none_is_refused(runs: Runs, url: str) -> None:
    with pytest.raises(
        RepositoryError, match=r"not an allowed protocol; use one of https|not an address of a repository"
    ):
        runs.sync(url)


@pytest.mark.parametrize("branch", ["a..b", "-x", "with space", "@{-1}", "x.lock"])
def test_a_branch_name_that_cannot_be_is_refused(runs: Runs, origin: Path, branch: str) -> None:
    with pytest.raises(RepositoryError, match="is not a name that a branch can have"):
        runs.sync(origin, branch=branch)


def test_a_repository_that_is_not_there_is_said_in_a_sentence(runs: Runs) -> None:
    with pytest.raises(RepositoryError, match=r"there is no repository that the worker may read; check the address"):
        runs.sync((runs.folder / "missing.git").as_uri())


def test_a_host_that_does_not_answer_is_said_in_a_sentence(runs: Runs) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x.git"
        with pytest.raises(RepositoryError, match=r"the host cannot be reached from the worker; check the address"):
            runs.sync(url)


def test_a_host_that_keeps_silent_is_waited_for_no_longer_than_the_setting_says(runs: Runs) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        impatient = Runs(runs.folder, Settings(home=runs.settings.home, git_timeout_seconds=0.5))
        started = time.monotonic()
        with pytest.raises(RepositoryError, match=r"git ls-remote was not done after 0\.5 s; check the network"):
            impatient.sync(f"http://127.0.0.1:{silent.getsockname()[1]}/x.git")
    assert time.monotonic() - started < 5


def test_a_repository_that_asks_for_a_password_nobody_gives_is_said_in_a_sentence(runs: Runs, origin: Path) -> None:
    with (
        _serving(origin.parent) as url,
        pytest.raises(RepositoryError, match=r"access was refused; give git credentials in the worker's environment"),
    ):
        runs.sync(url)


def test_credentials_of_the_environment_are_used_and_written_nowhere(
    runs: Runs, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = runs.folder / "askpass"
    helper.write_text('#!/bin/sh\ncase "$1" in Username*) echo ada;; *) echo "$GIT_PASSWORD";; esac\n')
    helper.chmod(0o755)
    monkeypatch.setenv("GIT_ASKPASS", str(helper))
    monkeypatch.setenv("GIT_PASSWORD", PASSWORD)
    git(origin, "update-server-info")
    with _serving(origin.parent) as url:
        checkout = runs.sync(url)
        assert (checkout.path / "README.md").read_text() == "# Project\n"
        monkeypatch.setenv("GIT_PASSWORD", "wrong-" + PASSWORD)
        with pytest.raises(RepositoryError, match="access was refused") as refused:
            runs.sync(url, run_id="run-2")
    files = [path for root in (checkout.mirror, checkout.path) for path in root.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if PASSWORD.encode() in path.read_bytes()]
    assert PASSWORD not in str(refused.value) + checkout.model_dump_json()


def test_git_sees_its_own_part_of_the_environment_and_no_more() -> None:
    environment = {
        "PATH": "/bin",
        "ANTHROPIC_API_KEY": "secret",
        "GIT_DIR": "/elsewhere",
        "GIT_TRACE_CURL": "1",
        "GIT_EXTERNAL_DIFF": "/evil",
        "GIT_ASKPASS": "/askpass",
        "GITHUB_TOKEN": "token",
        "SSH_AUTH_SOCK": "/agent",
        "https_proxy": "http://proxy",
    }
    remote = git_environment(environment, remote=True)
    ours = git_environment(environment, remote=False)
    assert {name for name in environment if name in remote} == set(environment) - {
        "ANTHROPIC_API_KEY",
        "GIT_DIR",
        "GIT_TRACE_CURL",
        "GIT_EXTERNAL_DIFF",
    }
    assert {name for name in environment if name in ours} == {"PATH", "https_proxy"}
    assert (remote["GIT_TERMINAL_PROMPT"], ours["GIT_CONFIG_GLOBAL"], ours["GIT_ALLOW_PROTOCOL"]) == (
        "0",
        "/dev/null",
        "file",
    )


@pytest.mark.parametrize(
    ("complaint", "sentence"),
    [
        ("git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.", "access was refused"),
        ("Host key verification failed.\nfatal: Could not read", "the host's ssh key is not known"),
        ("fatal: detected dubious ownership in repository at '/x'", "belongs to another user of this machine"),
        ("ERROR: Repository not found.\nfatal: Could not read", "there is no repository that the worker may read"),
        ("fatal: write error: No space left on device", "the disk of the worker is full"),
        ("error: remote unpack failed: unable to create temporary object directory", "it cannot be written to"),
        ("fatal: unable to access 'https://h/': SSL certificate problem", "the host's certificate is not trusted"),
        ("fatal: out of memory", "git failed: fatal: out of memory"),
        ("", "git failed: no reason given"),
    ],
)
def test_what_git_says_becomes_a_sentence_with_a_remedy(complaint: str, sentence: str) -> None:
    assert sentence_for("https://h/x", complaint).startswith(f"https://h/x: {sentence}")


def test_a_secret_in_what_git_says_is_not_repeated() -> None:
    said = sentence_for("https://h/x", "fatal: unable to access 'https://ada:pass-word@h/x': nope")
    assert "pass-word" not in said


def test_two_people_with_one_mirror_are_told_apart_by_their_addresses(runs: Runs, origin: Path, ada: Person) -> None:
    assert runs.sync(origin).mirror != runs.sync(origin.as_uri(), run_id="run-2").mirror
    assert runs.sync(ada.clone, run_id="run-3").mirror != runs.sync(origin, run_id="run-4").mirror
