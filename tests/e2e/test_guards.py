"""What keeps a slot honest, on a real worker: overlap, lateness, time limits, and processes that die."""

import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun, StateType
from ruamel.yaml import YAML

from deployments.apply import apply_definitions
from deployments.automations import NAME
from deployments.definitions import Definition
from sessions.memory import open_memory
from sessions.outcome import Outcome
from sessions.process_tree import MARKER
from tests.fakes.driving import is_running
from tests.fakes.house import POOL_WITHOUT_WORKER, House, schedule_in_the_past
from tests.fakes.stack import Stack, a_definition

Found = TypeVar("Found")
PATIENCE_SECONDS = 60.0
#: One that forks twice, starts a session of its own and cleans its environment, like a real daemon.
DAEMON = "(setsid env -i sh -c 'sleep 600 & echo $! >> {pids}' &) ; sleep 600 & echo $! >> {pids}; wait"


def until(find: Callable[[], Found], seconds: float = PATIENCE_SECONDS) -> Found:
    """Wait for what happens in other processes."""
    give_up = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.1)
    return found


class Worked:
    """A session of its own on the stack's worker."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack = stack
        self.name = name

    def trigger(self, **parameters: object) -> UUID:
        with self.stack.client() as client:
            deployment = client.read_deployment_by_name(f"scheduled-session/{self.name}")
            return client.create_flow_run_from_deployment(deployment.id, parameters=parameters).id

    def run(self, run_id: UUID) -> FlowRun:
        with self.stack.client() as client:
            return client.read_flow_run(run_id)

    def ended(self, run_id: UUID) -> FlowRun:
        def final() -> FlowRun | None:
            run = self.run(run_id)
            return run if run.state and run.state.is_final() else None

        return until(final)

    def marked(self, run_id: UUID) -> list[psutil.Process]:
        """The processes that the run's agent started."""
        return [each for each in psutil.process_iter() if _marker(each) == str(run_id)]


def _marker(process: psutil.Process) -> str:
    try:
        return str(process.environ().get(MARKER, ""))
    except psutil.Error:
        return ""


@pytest.fixture
async def worked(stack: Stack, house: House) -> Worked:
    name = f"w-{house.session}"
    async with house.client() as client:
        await apply_definitions([a_definition(name, agent=name)], client=client, root=stack.root)
    return Worked(stack, name)


def flow_process(run_id: UUID) -> psutil.Process:
    """The process that the worker started for a run."""

    def find() -> psutil.Process | None:
        for process in psutil.process_iter():
            try:
                if process.environ().get("PREFECT__FLOW_RUN_ID") == str(run_id) and "-m" in process.cmdline():
                    return process
            except psutil.Error:
                continue
        return None

    return until(find)


def test_a_second_run_is_skipped_while_the_first_runs_and_no_second_agent_starts(worked: Worked) -> None:
    first = worked.trigger(prompt=f"RUN: sleep 8\nSAY: first of {worked.name}")
    until(lambda: worked.run(first).state_type is StateType.RUNNING)
    assert list((worked.stack.home / "prefect").rglob("*lease*")), "the slot would not outlive a crash of the server"
    second = worked.trigger(prompt=f"SAY: second of {worked.name}")
    skipped = worked.ended(second)
    assert skipped.state_type is StateType.CANCELLED
    shown = worked.stack.command("sessions", "runs", worked.name, "--json").stdout
    assert '"outcome": "skipped_overlap"' in shown
    assert worked.ended(first).state_name == "Completed"
    assert worked.stack.asked(f"second of {worked.name}") == []


async def test_a_slot_that_passed_while_nobody_looked_is_recorded_as_missed(house: House, worked: Worked) -> None:
    async with house.client() as client:
        deployment = await client.read_deployment_by_name(f"scheduled-session/{worked.name}")
        await schedule_in_the_past(client, deployment.id)
        runs = await client.read_flow_runs()
    late = next(run for run in runs if run.deployment_id == deployment.id and run.auto_scheduled)
    missed = worked.ended(late.id)
    assert (missed.state_name, missed.state_type) == ("Missed", StateType.CANCELLED)
    assert missed.state is not None
    assert "after its slot, and the starting deadline is 5 min" in (missed.state.message or "")
    assert not worked.stack.folder(late.id).transcript_path.exists()


def test_a_run_that_takes_too_long_ends_with_all_it_started_and_still_reports(worked: Worked, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    asked = worked.trigger(
        prompt=f"RUN: echo green\nRUN: {DAEMON.format(pids=pids)}",
        timeout_seconds=4,
        delivery=[{"channel": "file", "to": str(tmp_path / "report.md")}],
    )
    ended = worked.ended(asked)
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 2
    assert not any(is_running(pid) for pid in started)
    assert worked.marked(asked) == []
    assert (ended.state_name, ended.state_type) == ("TimedOut", StateType.FAILED)
    record = worked.stack.folder(asked).record
    assert (record.outcome, record.done("remembered"), record.done("closed")) == (Outcome.TIMED_OUT, True, True)
    assert "timed out" in (tmp_path / "report.md").read_text()
    with open_memory(f"sqlite:///{worked.stack.home / 'memory.sqlite3'}") as memory:
        assert [item.text for item in memory.latest(agent=worked.name)] == ["It was green."]


@pytest.fixture
async def housekeeping_runs(house: House) -> AsyncIterator[Callable[[], list[FlowRun]]]:
    """Housekeeping is deployed, where no worker runs it: what is asked of it so far."""
    raw = a_definition(house.session, pool=POOL_WITHOUT_WORKER).model_dump(exclude={"parameters", "schedules"})
    definition = Definition.model_validate(
        raw | {"name": "housekeeping", "entrypoint": "flows/housekeeping.py:housekeeping"}
    )
    async with house.client() as client:
        (applied,) = await apply_definitions([definition], client=client, root=house.root)
        of_it = DeploymentFilter(id=DeploymentFilterId(any_=[applied.deployment_id]))

        def asked_for() -> list[FlowRun]:
            with SyncPrefectClient(house.url) as now:
                return now.read_flow_runs(deployment_filter=of_it)

        yield asked_for
        await client.delete_deployment(applied.deployment_id)


def test_a_killed_run_is_crashed_its_slot_is_free_and_the_next_run_finishes_it(
    worked: Worked, housekeeping_runs: Callable[[], list[FlowRun]]
) -> None:
    killed = worked.trigger(prompt="RUN: echo green\nRUN: sleep 600")
    until(lambda: len(worked.stack.asked("RUN: sleep 600")) >= 2)
    sleeping = until(lambda: [each for each in worked.marked(killed) if "sleep" in each.name()])
    os.kill(flow_process(killed).pid, signal.SIGKILL)
    assert worked.ended(killed).state_type is StateType.CRASHED
    asked_for = until(housekeeping_runs)
    assert [run.idempotency_key for run in asked_for] == [f"interrupted-{killed}"]
    following = worked.ended(worked.trigger(prompt="SAY: next"))
    assert following.state_name == "Completed"
    record = worked.stack.folder(killed).record
    assert (record.outcome, record.done("closed")) == (Outcome.CRASHED, True)
    assert not any(is_running(each.pid) for each in sleeping)
    assert worked.run(killed).state_name == "Crashed"
    assert "completed" not in worked.run(killed).tags
    assert "crashed" in worked.run(killed).tags


def test_a_cancelled_run_is_stopped_with_all_it_started(worked: Worked) -> None:
    asked = worked.trigger(prompt="RUN: sleep 600")
    sleeping = until(lambda: [each for each in worked.marked(asked) if "sleep" in each.name()])
    worked.stack.command("prefect", "flow-run", "cancel", str(asked))
    ended = worked.ended(asked)
    assert ended.state_type is StateType.CANCELLED
    assert not any(is_running(each.pid) for each in sleeping)
    worked.ended(worked.trigger(prompt="SAY: next"))
    assert worked.stack.folder(asked).record.outcome is Outcome.STOPPED


async def test_the_stack_has_the_automation_that_frees_dead_runs_and_it_minds_any_ending(house: House) -> None:
    async with house.client() as client:
        found = await client.read_automations_by_name(NAME)
    assert len(found) == 1
    assert found[0].enabled
    trigger = found[0].trigger
    assert trigger.type == "event"
    assert trigger.after == {"prefect.flow-run.Running", "prefect.flow-run.heartbeat"}
    endings = [f"prefect.flow-run.{outcome.state_name}" for outcome in Outcome]
    assert all(any(fnmatch(ending, pattern) for pattern in trigger.expect) for ending in endings)


async def test_deploying_brings_the_automation_back_where_somebody_deleted_it(house: House, stack: Stack) -> None:
    async with house.client() as client:
        (found,) = await client.read_automations_by_name(NAME)
        await client.delete_automation(found.id)
        definition = a_definition(house.session, pool=POOL_WITHOUT_WORKER)
        file = stack.root / "session.yaml"
        YAML().dump({"deployments": [definition.model_dump(mode="json", exclude_none=True)]}, file)
        stack.command("sessions", "deploy", str(file))
        assert len(await client.read_automations_by_name(NAME)) == 1
