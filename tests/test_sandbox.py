"""What an agent's programs see of the machine in a sandbox, by real programs in a real one."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.doctor_machine import examine_machine
from deployments.examination import Examined
from sessions import sandbox
from sessions.errors import SettingsError
from sessions.sandbox import Sandbox, is_sandboxed, open_sandbox, why_no_sandbox
from sessions.settings import Settings, read_settings
from tests.fakes.sandboxes import needs_sandbox, refusing_bubblewrap


@pytest.fixture(autouse=True)
def _look_anew() -> Iterator[None]:
    why_no_sandbox.cache_clear()
    yield
    why_no_sandbox.cache_clear()


class Cell:
    """A sandbox with a workspace in it, and a secret beside it."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.workspace = folder / "run" / "workspace"
        self.books = self.workspace / ".workspace"
        self.books.mkdir(parents=True)
        (self.books / "checkout.json").write_text("ours")
        (folder / "secret").write_text("s3cret")
        given = Settings.model_validate({"home": folder, "sandbox": "on"} | settings)
        opened = open_sandbox(given, writable=[self.workspace], hidden=[self.books], environment={})
        assert isinstance(opened, Sandbox)
        self.sandbox = opened

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        argv = self.sandbox.wrap(["sh", "-c", command], cwd=self.workspace)
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)

    def says(self, command: str) -> str:
        done = self.run(command)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    return Cell(tmp_path)


@needs_sandbox
def test_it_writes_in_its_workspace_and_starts_there(cell: Cell) -> None:
    assert cell.says("pwd; echo green > door.txt; cat door.txt").splitlines() == [str(cell.workspace), "green"]
    assert (cell.workspace / "door.txt").read_text() == "green\n"


@needs_sandbox
def test_it_is_in_a_session_of_its_own_and_reaches_no_terminal(cell: Cell) -> None:
    # One that began outside has the number 0 in here.
    assert int(cell.says("cut -d' ' -f6 /proc/self/stat")) > 0


@needs_sandbox
def test_it_reads_the_system_and_changes_nothing_of_it(cell: Cell) -> None:
    assert cell.says("cat /etc/passwd") == Path("/etc/passwd").read_text().strip()
    for path in ("/etc/x", "/usr/x", "/opt-x", "/x"):
        assert "Read-only file system" in cell.run(f"touch {path}").stderr


@needs_sandbox
def test_it_sees_no_home_and_nothing_beside_its_workspace(cell: Cell, tmp_path: Path) -> None:
    assert "No such file" in cell.run(f"cat {tmp_path / 'secret'}").stderr
    home = Path("~").expanduser()
    shown = (Path(path) for path in (sys.prefix, sys.base_prefix, cell.workspace))
    ways = {path.relative_to(home).parts[0] for path in shown if path.is_relative_to(home)}
    assert set(cell.says(f"ls -A {home} 2>/dev/null || true").split()) <= ways
    assert "No such file" in cell.run("ls /home /srv /mnt /var/run/docker.sock").stderr
    assert cell.says(f"ls -A {cell.books}") == ""
    assert (cell.books / "checkout.json").read_text() == "ours"


@needs_sandbox
def test_it_sees_no_password_file_even_as_root(cell: Cell) -> None:
    assert cell.says("cat /etc/shadow 2>/dev/null || true") == ""
    assert cell.says("ls -A /etc/ssh 2>/dev/null || true") == ""


@needs_sandbox
def test_it_sees_no_process_but_its_own_and_ends_none(cell: Cell) -> None:
    pids = cell.says("ls /proc | grep -E '^[0-9]+$'").split()
    assert len(pids) < 10
    assert str(os.getpid()) not in pids or int(os.getpid()) < 10
    assert cell.run(f"kill -0 {os.getpid()}").returncode != 0


@needs_sandbox
def test_it_has_a_tmp_of_its_own(cell: Cell) -> None:
    assert cell.says("ls -A /var/tmp /dev/shm | grep -v : || true") == ""
    beside = Path(tempfile.gettempdir()) / f"beside-{os.getpid()}"
    beside.touch()
    assert "No such file" in cell.run(f"cat {beside}").stderr
    beside.unlink()
    cell.says(f"echo x > $TMPDIR/{beside.name}")
    assert not beside.exists()


@needs_sandbox
def test_all_that_it_starts_ends_with_it_also_what_forks_away(cell: Cell) -> None:
    cell.says("(setsid sh -c 'sleep 1; touch late' >/dev/null 2>&1 &) ; true")
    subprocess.run(["sleep", "1.5"], check=True, timeout=5)
    assert not (cell.workspace / "late").exists()


@needs_sandbox
def test_it_runs_the_python_that_sessions_run_on(cell: Cell) -> None:
    assert cell.says(f"{sys.executable} -c 'print(6 * 7)'") == "42"


@needs_sandbox
def test_what_settings_name_can_be_read_and_not_changed(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "hammer").write_text("nail")
    cell = Cell(tmp_path, sandbox_read=str(tools))
    assert cell.says(f"cat {tools}/hammer") == "nail"
    assert "Read-only" in cell.run(f"touch {tools}/saw").stderr


@needs_sandbox
def test_a_folder_that_is_not_there_is_told_and_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SESSIONS_SANDBOX_READ: /nowhere is not there"):
        Cell(tmp_path, sandbox_read="/nowhere")


def line(**settings: object) -> Examined:
    given = read_settings().model_copy(update=settings)
    return next(found for found in examine_machine(given) if found.subject == "sandbox")


def without_bubblewrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_on_is_refused_where_there_is_none_and_auto_goes_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_bubblewrap(monkeypatch, tmp_path)
    with pytest.raises(SettingsError, match=r"SESSIONS_SANDBOX is on, and .* bubblewrap is not installed"):
        is_sandboxed(Settings(home=tmp_path, sandbox="on"))
    assert is_sandboxed(Settings(home=tmp_path, sandbox="auto")) is False
    assert open_sandbox(Settings(home=tmp_path), writable=[]) is None


def test_a_bubblewrap_that_may_not_make_namespaces_is_told_with_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing_bubblewrap(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert why_no_sandbox() == "bubblewrap does not work here: bwrap: No permissions to create new namespace"


def test_another_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.sys, "platform", "darwin")
    assert why_no_sandbox() == "bubblewrap is for Linux only"


def test_the_doctor_says_whether_it_is_on_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not why_no_sandbox():
        assert line(sandbox="on").found.startswith("on: ")
        assert "set SESSIONS_SANDBOX=auto, which works here" in line(sandbox="off").found
    why_no_sandbox.cache_clear()
    without_bubblewrap(monkeypatch, tmp_path)
    assert (line(sandbox="off").status, line(sandbox="auto").status, line(sandbox="on").status) == (
        "ok",
        "warn",
        "fail",
    )
    assert "bubblewrap is not installed" in line(sandbox="on").found
