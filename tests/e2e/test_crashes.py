"""A process is killed at any moment of a run, and the next run of the same agent makes up for it: nothing is lost and
nothing is doubled."""

import json
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import StateType

from sessions.outcome import Delivery, Outcome
from sessions.run_folder import Step, hold_run, unfinished_runs
from sessions.settled import GRACE
from tests.e2e.dying import MOMENTS, Mortal, Order, open_mortal
from tests.fakes.chat_servers import ChatServers, chat_servers
from tests.fakes.house import House, Ran
from tests.fakes.stack import Stack
from tests.workspace.people import Person, bare_repository, git

STEPS = [f"after:{step}" for step in get_args(Step)]
#: How much of the transcript there is where the agent had not ended; the run is then a crashed one.
KEPT = {"after:agent_started": 0, "a tool was called": 2, "a tool answered": 3}


@pytest.fixture(scope="module")
def mortal(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    with open_mortal(stack.url, tmp_path_factory.mktemp("mortal") / "log") as opened:
        yield opened


@pytest.fixture
def receiver() -> Iterator[ChatServers]:
    with chat_servers() as servers:
        yield servers


class Interrupted:
    """One run that is killed at a moment, and the next ones of the same agent."""

    def __init__(self, house: House, mortal: Mortal, receiver: ChatServers) -> None:
        self.house = house
        self.mortal = mortal
        self.receiver = receiver
        self.origin = bare_repository(house.home.parent / "origin.git")
        Person.cloning(self.origin, house.home.parent / "clone").pushes("log.txt", "day\n", "Begin")

    async def dies(self, moment: str, **parameters: Any) -> str:  # noqa: ANN401 - parameters of a session
        given: dict[str, Any] = {
            "prompt": "RUN: echo night >> log.txt; echo green",
            "repos": [{"url": str(self.origin), "auto_push": True}],
            "delivery": [{"channel": "webhook", "to": self.receiver.url("/hook")}],
        }
        run_id = await self.house.ask_for(**given | parameters)
        order = Order(run_id=run_id, cwd=self.house.root, environment=self.house.environment, moment=moment)
        assert self.mortal.run(order) == -signal.SIGKILL
        return str(run_id)

    def let_time_pass(self, run_id: str) -> None:
        """Have the run be closed, if it is, longer ago than a living process takes to tell the server."""
        run = self.house.folder(run_id)
        if closed_at := run.record.steps.get("closed"):
            run.record.steps["closed"] = closed_at - 2 * GRACE
            run.save()

    def sent(self) -> dict[str, set[str]]:
        """The keys of the messages that came, by the run that they are about."""
        keys: dict[str, set[str]] = {}
        for request in self.receiver.requests:
            body = json.loads(request["raw"])
            keys.setdefault(body["run_id"], set()).add(request["key"])
        return keys


@pytest.fixture
def interrupted(house: House, mortal: Mortal, receiver: ChatServers) -> Interrupted:
    return Interrupted(house, mortal, receiver)


@pytest.mark.parametrize("moment", [*STEPS, *(moment for moment in MOMENTS if "chat" not in moment)])
async def test_a_run_killed_at_any_moment_is_made_up_for_by_the_next(interrupted: Interrupted, moment: str) -> None:
    house = interrupted.house
    killed_id = await interrupted.dies(moment)
    interrupted.let_time_pass(killed_id)
    following = await house.run(prompt="SAY: next", delivery=[])
    killed = await house.look_at(killed_id)
    assert following.state.name == "Completed"
    assert unfinished_runs(house.home) == []
    expect_honest_ending(killed, Outcome.CRASHED if moment in KEPT else Outcome.COMPLETED)
    assert len(interrupted.sent()[killed_id]) == 1
    expect_one_memory(house, killed, moment)
    expect_one_commit(interrupted.origin, moment)
    await expect_one_of_each_artifact(house, killed)


def expect_one_memory(house: House, killed: Ran, moment: str) -> None:
    """What was found out before the end is known once, and the transcript is there up to the end."""
    kinds = [entry.kind for entry in killed.transcript if entry.kind in ("prompt", "tool_call", "tool_result", "text")]
    whole = ["prompt", "tool_call", "tool_result", "text"]
    assert kinds == whole[: KEPT.get(moment, len(whole))]
    entries = [entry for entry in house.journal() if entry.id == killed.record.run_id]
    assert len(entries) == (len(kinds) > 2)
    learned = [item.text for item in house.observations() if item.source.run == killed.record.run_id]
    assert learned == ["It was green."] * (kinds == whole)


def expect_one_commit(origin: Path, moment: str) -> None:
    """What the agent changed is pushed once; the command had run by the time at which its result was written down."""
    nights = git(origin, "show", "main:log.txt").splitlines().count("night")
    assert nights == (KEPT.get(moment, 4) > 2)
    assert len(git(origin, "log", "--format=%h", "main").splitlines()) == 1 + nights


def expect_honest_ending(ran: Ran, outcome: Outcome) -> None:
    """The record is closed, and Prefect says the same as the record."""
    assert (ran.record.outcome, ran.record.done("closed")) == (outcome, True)
    assert (ran.flow_run.state_name, ran.record.delivery) == (outcome.state_name, Delivery.DELIVERED)
    assert ran.flow_run.state_type is StateType(outcome.state_type)
    assert {outcome.value, "delivered"} <= set(ran.flow_run.tags)


async def expect_one_of_each_artifact(house: House, ran: Ran) -> None:
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[ran.flow_run.id]))
    async with house.client() as client:
        kept = [str(item.key).rpartition("-")[2] for item in await client.read_artifacts(artifact_filter=of_run)]
    assert sorted(kept) == ["context", "numbers", "report", "transcript"]


async def test_a_chat_that_cannot_tell_a_repetition_gets_no_second_message(interrupted: Interrupted) -> None:
    target = {"channel": "apprise", "to": interrupted.receiver.url("/apprise").replace("http:", "json:")}
    killed_id = await interrupted.dies("sent to a chat, not noted", delivery=[target])
    await interrupted.house.run(prompt="SAY: next")
    killed = await interrupted.house.look_at(killed_id)
    assert len(interrupted.receiver.texts) == 1
    assert [receipt.status for receipt in killed.record.receipts] == ["unknown"]
    assert (killed.record.outcome, killed.record.delivery) == (Outcome.COMPLETED, Delivery.DELIVERY_FAILED)


async def test_a_run_whose_finisher_is_killed_too_is_finished_by_a_third(interrupted: Interrupted) -> None:
    first = await interrupted.dies("after:agent_ended")
    second = await interrupted.dies("remembered, not marked", repos=[])
    third = await interrupted.house.run(prompt="SAY: third")
    for run_id in (first, second):
        assert (await interrupted.house.look_at(run_id)).record.done("closed")
    # The second died before its own agent had begun.
    assert Counter(entry.id for entry in interrupted.house.journal()) == {first: 1, third.record.run_id: 1}
    assert {run_id: len(keys) for run_id, keys in interrupted.sent().items()} == {first: 1, second: 1}


async def test_housekeeping_finishes_the_runs_of_all_agents(interrupted: Interrupted) -> None:
    killed = [await interrupted.dies("after:extracted", agent=agent) for agent in ("owl", "dove")]
    assert "2 interrupted runs finished" in await interrupted.house.keep_house()
    for run_id in killed:
        expect_honest_ending(await interrupted.house.look_at(run_id), Outcome.COMPLETED)


async def test_another_agent_leaves_an_interrupted_run_alone(interrupted: Interrupted) -> None:
    killed = await interrupted.dies("after:agent_ended", agent="owl")
    await interrupted.house.run(prompt="SAY: next", agent="dove")
    assert [path.name for path in unfinished_runs(interrupted.house.home)] == [killed]


async def test_a_run_that_a_process_still_holds_is_left_to_it(interrupted: Interrupted) -> None:
    house = interrupted.house
    killed = house.folder(await interrupted.dies("after:agent_ended"))
    with hold_run(house.home, killed.record):
        assert "0 interrupted runs finished" in await house.keep_house()
    assert "1 interrupted runs finished" in await house.keep_house()
