"""Drives a real runner against the offline model, in a workspace of its own."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import psutil

from sessions.models import Model, find_model
from sessions.offline import Script, open_offline_model
from sessions.offline.request import ApiRequest, read_request
from sessions.offline.server import Recorded
from sessions.redaction import Redactor
from sessions.runners.base import AgentEnd, AgentTask, Runner
from sessions.transcript import Transcript

SONNET = find_model("claude-sonnet-4-5")
LIMIT_SECONDS = 30.0


class Driven:
    """One run: how it ended, what it wrote down, what the model was asked."""

    def __init__(self, end: AgentEnd, transcript: Transcript, requests: list[Recorded]) -> None:
        self.end = end
        self.transcript = transcript
        self.bodies = [request.body for request in requests if request.body.get("tools")]

    @property
    def asked(self) -> list[ApiRequest]:
        return [read_request(body) for body in self.bodies]

    @property
    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.transcript.entries if entry.kind != "note"]

    @property
    def results(self) -> list[str]:
        return [entry.text for entry in self.transcript.entries if entry.kind == "tool_result"]


class Place:
    """Where a run takes place: its workspace, its transcript, and the task with everything but the model's address."""

    def __init__(self, runner: Runner, folder: Path, environment: dict[str, str], model: Model = SONNET) -> None:
        self.runner = runner
        self.model = model
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.environment = environment
        self.transcript = Transcript(folder / "transcript.jsonl", Redactor({}))

    def task(self, base_url: str, **fields: object) -> AgentTask:
        given = {
            "prompt": "Look around.",
            "context": "You know that the door is green.",
            "model": self.model,
            "temperature": 0.3,
            "max_tokens": 1234,
            "allowed_tools": ("Bash", "Read", "Write", "Edit", "Glob", "Grep"),
            "workspace": self.workspace,
            "environment": self.environment,
            "base_url": base_url,
            "api_key": "sk-test",
            "retries": 0,
            "agent_session_id": str(UUID(int=7, version=4)),
        }
        return AgentTask.model_validate({**given, **fields})

    async def drive(self, rules: Script, **fields: object) -> Driven:
        with open_offline_model(rules) as model:
            running = self.runner.run(self.task(model.base_url, **fields), self.transcript)
            end = await asyncio.wait_for(running, LIMIT_SECONDS)
            return Driven(end, self.transcript, model.requests)


async def until(holds: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait for something that happens in another process or thread."""
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up, "it did not happen in time"
        await asyncio.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether a process still does anything; one that has ended may wait a while for its parent's notice."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
