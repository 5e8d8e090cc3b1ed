"""The main job, shown: one session run twice by a local stack, with the offline model or a real one."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, JsonValue

from deployments.bring_up import StackOptions, run_stack
from deployments.definitions import Definition
from deployments.prefect_server import prefect_client
from deployments.runs import as_row
from deployments.server_password import choose_password
from deployments.trigger import trigger_session, wait_for_end
from sessions.errors import RunFolderError
from sessions.offline import DEMO_SCRIPT, open_offline_model
from sessions.redaction import Redactor
from sessions.run_folder import RunFolder, read_record, runs_folder
from sessions.run_record import RunRecord
from sessions.settings import Settings
from sessions.transcript import Entry, Transcript

SESSION = "nightly-code-health"
RUNS = 2
DEMOS_KEPT = 2
#: What one run may cost with a real key.
MAX_COST_USD = 0.50
LOOK_SECONDS = 0.1
LINE_CHARACTERS = 90
STEPS: dict[str, str] = {
    "agent_started": "context is built, the agent starts",
    "extracted": "observations are extracted, their quotes checked",
    "remembered": "remembered",
    "delivered": "report is delivered",
}

Say = Callable[[str], None]


class DemoRun(BaseModel, frozen=True):
    """One of the runs of the demo, when it is over: its record, its folder and its report."""

    record: RunRecord
    folder: Path
    report: str
    context: str


class DemoEnd(BaseModel, frozen=True):
    """What the demo leaves behind."""

    home: Path
    runs: list[DemoRun]


@contextmanager
def model_environment(source: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The environment with a model to reach: that of its key or address, or the offline model where neither is set."""
    if source.get("ANTHROPIC_API_KEY") or source.get("ANTHROPIC_BASE_URL"):
        yield dict(source)
        return
    with open_offline_model(DEMO_SCRIPT) as model:
        yield {**source, "ANTHROPIC_BASE_URL": model.base_url, "ANTHROPIC_API_KEY": "offline"}


def run_demo(definition: Definition, settings: Settings, *, home: Path, root: Path, say: Say) -> DemoEnd:
    """Run the session twice over the repository at `root`, and say what happens while it does.

    Args:
        definition: the session, checked.
        settings: whether the server asks for a password.
        home: a new folder for everything the demo makes.
        root: the checkout with the definition.
        say: gets one line for each thing that happens.

    Raises:
        ServerError: the stack did not come up, or a run did not end.
    """
    with model_environment(os.environ) as environment:
        options = StackOptions(
            home=home,
            port=0,
            root=root,
            definitions=[definition],
            environment=environment,
            password=choose_password(settings),
        )
        with run_stack(options, say=say) as stack:
            say(f"Prefect UI while this runs: {stack.address.ui_url}")
            return DemoEnd(home=home, runs=[_run_once(number, home, say) for number in range(1, RUNS + 1)])


def _run_once(number: int, home: Path, say: Say) -> DemoRun:
    overrides: dict[str, JsonValue] = {"max_cost_usd": MAX_COST_USD}
    say(f"\nRun {number} of {RUNS}: as `sessions trigger {SESSION}` would start it")
    run_id = asyncio.run(_trigger(overrides))
    folder = runs_folder(home) / str(run_id)
    asyncio.run(_follow(run_id, folder, say))
    return _ended(folder)


async def _trigger(overrides: dict[str, JsonValue]) -> UUID:
    async with prefect_client() as client:
        return (await trigger_session(client, SESSION, overrides)).id


class _Follower:
    """Says what a run does, from its folder, while it does it."""

    def __init__(self, folder: Path, say: Say) -> None:
        self._folder = folder
        self._say = say
        self._entries = 0
        self._steps: set[str] = set()

    def look(self) -> None:
        """Say what is new."""
        transcript = self._folder / "transcript.jsonl"
        entries = Transcript(transcript, Redactor({})).entries if transcript.exists() else []
        for entry in entries[self._entries :]:
            if line := _shown(entry):
                self._say(f"  {line}")
        self._entries = len(entries)
        if (self._folder / "run.json").exists():
            self._look_at(read_record(self._folder))

    def _look_at(self, record: RunRecord) -> None:
        for step in record.steps:
            if step not in self._steps and step in STEPS:
                self._say(f"  {STEPS[step]}")
            self._steps.add(step)


async def _follow(run_id: UUID, folder: Path, say: Say) -> None:
    """Say what the run does until Prefect has it ended; its own timeout is what bounds it."""
    follower = _Follower(folder, say)
    say("  waiting for the worker to start the run's process …")
    async with prefect_client() as client:
        ending = asyncio.create_task(wait_for_end(client, run_id))
        while not ending.done():
            follower.look()
            await asyncio.wait({ending}, timeout=LOOK_SECONDS)
        follower.look()
        row = as_row(ending.result())
    say(f"  outcome {row.outcome}: {row.reason}")


def _shown(entry: Entry) -> str:
    if entry.kind == "tool_call":
        what = str(next(iter(entry.arguments.values()), "")).split("\n")[0]
        return f"tool   {entry.tool}: {what[:LINE_CHARACTERS]}"
    if entry.kind == "text" and entry.text.strip():
        return f"agent  {entry.text.strip().splitlines()[0][:LINE_CHARACTERS]}"
    return ""


def _ended(folder: Path) -> DemoRun:
    run = RunFolder(folder, read_record(folder))
    return DemoRun(
        record=run.record, folder=folder, report=_text(run.report_path), context=_text(run.context_path)
    )  # fmt: skip


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror}") from error


def demo_home(home: Path, now: datetime) -> Path:
    """A new folder for one demo, so that its first run knows nothing. Only the newest earlier ones are kept."""
    demos = home / "demos"
    for old in sorted(demos.iterdir())[:-DEMOS_KEPT] if demos.is_dir() else []:
        shutil.rmtree(old, ignore_errors=True)
    return demos / f"{now:%Y%m%d-%H%M%S}-{os.getpid()}"


def recalled_lines(run: DemoRun) -> list[str]:
    """What the context of a run says it knows from earlier ones."""
    _, _, known = run.context.partition("## What you know")
    return [line for line in known.splitlines() if line.startswith("- ")]
