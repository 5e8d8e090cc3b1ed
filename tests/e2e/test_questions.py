"""A question when nobody is there, from the agent's tool to the run's outcome, report and memory."""

import asyncio
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import FlowRun, State, StateType

from deployments.answering import OpenQuestion, answer_question, find_question
from deployments.apply import apply_definitions
from sessions.errors import AnswerError
from sessions.memory import open_memory
from sessions.memory.things import Thread
from sessions.outcome import Delivery, Outcome
from sessions.settings import read_settings
from tasks.flow_runs import ASKED_TAG, WAITING
from tasks.run_rows import as_row
from tests.e2e.scheduling import deployed, make_due_every, runs_of
from tests.fakes.house import House
from tests.fakes.stack import Stack, a_definition

ASK = "ASK: Which door shall I paint?\nSAY: painted"
RUNNERS = {"claude-agent-sdk": "claude-sonnet-4-5", "anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
PATIENCE_SECONDS = 60.0
every_runner = pytest.mark.parametrize(("runner", "model"), RUNNERS.items())


def discussed() -> list[Thread]:
    with open_memory(read_settings().memory_address) as memory:
        return memory.state(agent="main").open_threads("discuss")


async def waiting(house: House, run_id: UUID) -> FlowRun:
    """The run as soon as it waits for an answer."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with house.client() as client:
            while True:
                run = await client.read_flow_run(run_id)
                assert run.state is not None
                assert not run.state.is_final(), run.state
                if run.state.name == WAITING:
                    return run
                await asyncio.sleep(0.1)


async def ended(house: House, run_id: UUID) -> FlowRun:
    """The run as soon as it is over."""
    async with asyncio.timeout(PATIENCE_SECONDS), house.client() as client:
        while True:
            run = await client.read_flow_run(run_id)
            if run.state and run.state.is_final():
                return run
            await asyncio.sleep(0.2)


def delivered(path: Path) -> str:
    """What is delivered to a file, as soon as it is there."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        assert time.monotonic() < give_up, f"{path} is not there"
        time.sleep(0.1)
    return path.read_text()


async def answered(house: House, run_id: UUID, answer: str) -> OpenQuestion:
    async with house.client() as client:
        asked = await find_question(client, str(run_id))
        await answer_question(client, asked, [answer])
        return asked


async def artifacts(house: House, run_id: UUID) -> dict[str, str]:
    """What the page of a run shows, by what it is of."""
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
    async with house.client() as client:
        return {
            str(each.key).removeprefix(f"{house.session}-"): str(each.data)
            for each in await client.read_artifacts(artifact_filter=of_run)
        }


@every_runner
async def test_assume_goes_on_and_leaves_the_question_to_discuss(house: House, runner: str, model: str) -> None:
    ran = await house.run(prompt=ASK, runner=runner, model=model)
    assert (ran.record.outcome, "painted" in ran.report) == (Outcome.COMPLETED, True)
    assert "State your assumption" in house.asked()[-1].results[0]
    (thread,) = discussed()
    assert (thread.text.splitlines()[0], thread.session, thread.run) == (
        "Which door shall I paint?",
        house.session,
        ran.record.run_id,
    )
    assert "## Questions\n\n- Which door shall I paint? (nobody was asked, and the agent went on" in ran.report
    assert ASKED_TAG in ran.flow_run.tags


@every_runner
async def test_fail_ends_the_run_as_needs_input(house: House, runner: str, model: str) -> None:
    target = {"channel": "file", "to": "question.md"}
    ran = await house.run(prompt=ASK, runner=runner, model=model, unattended="fail", failure_delivery=[target])
    assert (ran.state.type, ran.state.name) == (StateType.FAILED, "NeedsInput")
    assert ran.record.outcome is Outcome.NEEDS_INPUT
    assert "nobody was there to answer: Which door shall I paint?" in ran.record.reason
    assert len(house.asked()) == 1
    assert [thread.text.splitlines()[0] for thread in discussed()] == ["Which door shall I paint?"]
    assert ran.record.delivery is Delivery.DELIVERED
    assert "Which door shall I paint?" in (house.home / "question.md").read_text()


@every_runner
async def test_pause_waits_for_a_persons_answer_and_goes_on_with_it(house: House, runner: str, model: str) -> None:
    target = {"channel": "file", "to": "{run}.md"}
    run_id = await house.ask_for(prompt=ASK, runner=runner, model=model, unattended="pause", delivery=[target])
    running = asyncio.create_task(house.finish(run_id))
    waits = await waiting(house, run_id)
    assert (waits.state_type, as_row(waits).phase) == (StateType.RUNNING, "WaitingInput")
    assert waits.state is not None
    assert f"sessions run answer {run_id} ANSWER" in (waits.state.message or "")
    assert "**green**: the green one" in await asyncio.to_thread(delivered, house.home / f"{run_id}.md")
    await answered(house, run_id, "2")
    ran = await running
    assert ran.record.outcome is Outcome.COMPLETED
    assert "red" in house.asked()[-1].results[0]
    assert "Which door shall I paint? (answered: red)" in ran.report
    assert "- question to file {run}.md: delivered" in ran.report
    shown = (await artifacts(house, run_id))["question"]
    assert shown.endswith("**Answered:**\n\n1. red")
    assert discussed() == []
    with pytest.raises(AnswerError, match="asks nothing now: it is Completed"):
        await answered(house, run_id, "1")


async def test_nobody_answering_in_time_ends_the_run_as_needs_input(house: House) -> None:
    house.monkeypatch.setenv("SESSIONS_ANSWER_WAIT_SECONDS", "1")
    ran = await house.run(prompt=ASK, unattended="pause")
    assert ran.record.outcome is Outcome.NEEDS_INPUT
    assert "nobody answered within 1 s: Which door shall I paint?" in ran.record.reason
    assert len(discussed()) == 1
    assert (await artifacts(house, ran.flow_run.id))["question"].endswith("**Nobody answered in time.**")


async def test_the_time_that_a_person_takes_is_not_the_agents(house: House) -> None:
    run_id = await house.ask_for(prompt=ASK, unattended="pause", timeout_seconds=6, inactivity_timeout_seconds=6)
    running = asyncio.create_task(house.finish(run_id))
    await waiting(house, run_id)
    await asyncio.sleep(8)
    await answered(house, run_id, "green")
    assert (await running).record.outcome is Outcome.COMPLETED


async def test_an_answer_is_given_once(house: House) -> None:
    run_id = await house.ask_for(prompt=ASK, unattended="pause")
    running = asyncio.create_task(house.finish(run_id))
    await waiting(house, run_id)
    asked = await answered(house, run_id, "green")
    async with house.client() as client:
        with pytest.raises(AnswerError, match="has its answer"):
            await answer_question(client, asked, ["red"])
    await running
    assert "green" in house.asked()[-1].results[0]


@pytest.mark.parametrize("run", ["a run that never was", "00000000-0000-4000-8000-000000000000", ""])
async def test_an_answer_to_a_run_that_is_not_there_is_a_sentence(house: House, run: str) -> None:
    async with house.client() as client:
        with pytest.raises(AnswerError, match="waits for an answer; `sessions runs NAME` shows which do"):
            await find_question(client, run)


async def test_an_answer_that_may_be_for_two_runs_reaches_neither(house: House) -> None:
    async with house.client() as client:
        waits = State[None](type=StateType.RUNNING, name=WAITING)
        made = [await client.create_flow_run(_asks, name="twin", state=waits) for _ in range(2)]
        with pytest.raises(AnswerError, match="'twin' is 2 runs that wait for an answer") as error:
            await find_question(client, "twin")
        assert all(str(run.id) in str(error.value) for run in made)
        for run in made:
            await client.delete_flow_run(run.id)


@flow
def _asks() -> None:
    """Stands for any flow."""


async def test_a_run_that_waits_ends_when_it_is_stopped_and_keeps_its_question(house: House) -> None:
    run_id = await house.ask_for(prompt=ASK, unattended="pause")
    running = asyncio.create_task(house.finish(run_id))
    await waiting(house, run_id)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await house.keep_house()
    ran = await house.look_at(run_id)
    assert "the run ended before somebody answered; it waits to be discussed" in ran.report
    assert len(discussed()) == 1


async def test_on_a_worker_a_later_slot_is_no_answer_and_the_command_is_one(house: House, stack: Stack) -> None:
    name = f"q-{house.session}"
    async with house.client() as client:
        await apply_definitions([a_definition(name, agent=name)], client=client, root=stack.root)
        deployment = await deployed(client, name)
        parameters = {"prompt": ASK, "unattended": "pause"}
        asked = await client.create_flow_run_from_deployment(deployment.id, parameters=parameters)
    await waiting(house, asked.id)
    await make_due_every(house, name, timedelta(seconds=2))
    await asyncio.sleep(5)
    async with house.client() as client:
        await client.update_deployment_schedule(deployment.id, deployment.schedules[0].id, active=False)
    slots = [run for run in await runs_of(house, deployment.id) if run.auto_scheduled]
    assert slots
    assert {run.state_type for run in slots} == {StateType.CANCELLED}
    await waiting(house, asked.id)
    command = [sys.executable, "-c", "from cli.main import main; main()", "run", "answer", str(asked.id)[:8]]
    house.monkeypatch.setenv("PREFECT_API_URL", house.url)
    shown = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    assert "Which door shall I paint?\n   1. green" in shown.stdout
    told = await asyncio.to_thread(subprocess.run, [*command, "1"], capture_output=True, text=True, check=True)
    assert "→ green" in told.stdout
    assert (await ended(house, asked.id)).state_name == "Completed"
