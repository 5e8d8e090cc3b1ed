"""Agents in the sandbox, by real runners on a real server: they work as ever, and see nothing that is not theirs."""

import os
from pathlib import Path

import pytest

from sessions.outcome import Outcome
from sessions.sandbox import why_no_sandbox
from tests.fakes.house import House
from tests.fakes.sandboxes import needs_sandbox, refusing_bubblewrap
from tests.workspace.people import Person, bare_repository, git

RUNNERS = ["anthropic", "claude-agent-sdk"]


@pytest.fixture
def in_sandbox(house: House) -> House:
    house.monkeypatch.setenv("SESSIONS_SANDBOX", "on")
    return house


@needs_sandbox
@pytest.mark.parametrize("runner", RUNNERS)
async def test_an_agent_works_on_its_repository_and_sees_nothing_else(
    in_sandbox: House, tmp_path: Path, runner: str
) -> None:
    house = in_sandbox
    origin = bare_repository(tmp_path / "origin.git")
    Person.cloning(origin, tmp_path / "ada").pushes("door.txt", "green\n", "Paint the door")
    (tmp_path / "secret").write_text("s3cret")
    look = f"cat {tmp_path}/secret /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -E 's3cret|of-the-house'"
    paint = "echo blue > door.txt && git commit -qam 'Paint it blue' && echo left > note.txt"
    ran = await house.run(
        runner=runner,
        prompt=f"RUN: git log -1 --format=%s && {paint}\nRUN: {look} || echo unseen\nSAY: done",
        repos=[{"url": str(origin), "auto_push": True}],
    )
    assert ran.record.outcome is Outcome.COMPLETED, ran.state.message
    assert "in a sandbox" in ran.log
    results = house.asked()[-1].results
    assert [text.strip() for text in results] == ["Paint the door", "unseen"]
    assert git(origin, "show", "main:door.txt") == "blue"
    assert git(origin, "show", "main:note.txt") == "left"
    assert "Paint it blue" in git(origin, "log", "--format=%s", "main").splitlines()


@needs_sandbox
@pytest.mark.parametrize("runner", RUNNERS)
async def test_a_run_that_takes_too_long_ends_with_all_of_it(in_sandbox: House, runner: str) -> None:
    ran = await in_sandbox.run(runner=runner, prompt="RUN: (setsid sleep 600 &) ; sleep 600", timeout_seconds=3)
    assert ran.record.outcome is Outcome.TIMED_OUT
    assert not _commands_with("sleep 600", ran.record.run_id)


def _commands_with(words: str, run_id: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if words in command and run_id.encode() in environment:
            found.append(command)
    return found


async def test_where_bubblewrap_does_not_work_a_run_that_wants_it_fails_before_a_token_is_spent(
    house: House, tmp_path: Path
) -> None:
    refusing_bubblewrap(tmp_path)
    house.monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    house.monkeypatch.setenv("SESSIONS_SANDBOX", "on")
    why_no_sandbox.cache_clear()
    ran = await house.run()
    why_no_sandbox.cache_clear()
    assert ran.record.outcome is Outcome.FAILED
    assert "SESSIONS_SANDBOX is on" in (ran.state.message or "")
    assert "No permissions to create new namespace" in (ran.state.message or "")
    assert house.model.requests == []
