"""A process is killed at any moment of a run, and what follows makes up for it: nothing is lost, nothing is doubled."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import psutil
import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import Artifact, StateType

from sessions.memory.base import JournalEntry, Observation
from sessions.outcome import Delivery, Outcome
from sessions.redaction import process_redactor
from sessions.run_folder import MOST_ATTEMPTS, hold_run, unfinished_runs
from sessions.run_record import Step
from sessions.settled import GRACE
from tests.e2e.dying import MOMENTS, Mortal, Order, open_mortal
from tests.fakes.chat_servers import ChatServers, chat_servers
from tests.fakes.driving import until
from tests.fakes.house import House, Ran
from tests.fakes.stack import Stack
from tests.workspace.people import Person, bare_repository, git

ALL_MOMENTS = [*(f"after:{step}" for step in get_args(Step)), *(each for each in MOMENTS if "chat" not in each)]
#: How much of the transcript there is where the agent had not ended; the run is then a crashed one.
KEPT = {"after:admitted": 0, "after:agent_started": 0, "a tool was called": 2, "a tool answered": 3}
WHOLE = ["prompt", "tool_call", "tool_result", "text"]

#: A run dies at each of its steps before the first test.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def mortal(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    with open_mortal(stack.url, tmp_path_factory.mktemp("mortal") / "log") as opened:
        yield opened


class Crashing:
    """Runs that are killed, with a receiver for their messages and a repository for their changes."""

    def __init__(self, house: House, mortal: Mortal, receiver: ChatServers) -> None:
        self.house = house
        self.mortal = mortal
        self.receiver = receiver
        self.origin = bare_repository(house.home.parent / "origin.git")
        Person.cloning(self.origin, house.home.parent / "clone").pushes("day.txt", "day\n", "Begin")

    async def dies(self, moment: str, **parameters: Any) -> str:  # noqa: ANN401 - parameters of a session
        """A run that is killed; its session and agent are called alike, so that no other run finishes it."""
        agent = parameters.setdefault("agent", "main")
        given: dict[str, Any] = {
            "prompt": f"RUN: echo night >> {agent}.txt; echo green",
            "repos": [{"url": str(self.origin), "auto_push": True}],
            "delivery": [{"channel": "webhook", "to": self.receiver.url("/hook")}],
        }
        run_id = await self.house.ask_for(session=f"{self.house.session}-{agent}", **given | parameters)
        order = Order(run_id=run_id, cwd=self.house.root, environment=self.house.environment, moment=moment)
        assert self.mortal.run(order) == -signal.SIGKILL
        self.let_time_pass(str(run_id))
        return str(run_id)

    def let_time_pass(self, run_id: str) -> None:
        """Have the run be closed, if it is, longer ago than a living process takes to tell the server."""
        run = self.house.folder(run_id)
        if closed_at := run.record.steps.get("closed"):
            run.record.steps["closed"] = closed_at - 2 * GRACE
            run.save()

    def sent(self, run_id: str) -> set[str]:
        """The keys of the messages about a run, however often each came."""
        bodies = [(request["key"], json.loads(request["raw"])) for request in self.receiver.requests]
        return {key for key, body in bodies if body["run_id"] == run_id}

    def pushed(self, agent: str) -> list[str]:
        """The commits on the branch that hold what the agent wrote."""
        return git(self.origin, "log", "--format=%h", "main", "--", f"{agent}.txt").split()

    async def artifacts(self, run_id: str) -> list[Artifact]:
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run_id]))
        async with self.house.client() as client:
            return await client.read_artifacts(artifact_filter=of_run)


@dataclass(frozen=True)
class Afterwards:
    """One killed run when all is made up for."""

    ran: Ran
    sent: set[str]
    pushed: list[str]
    artifacts: list[Artifact]
    journal: list[JournalEntry]
    observations: list[Observation]


@pytest.fixture(scope="module")
def afterwards(
    stack: Stack, mortal: Mortal, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Afterwards]]:
    """One run killed at each of the moments, and then housekeeping once."""
    process_redactor.cache_clear()
    with (
        pytest.MonkeyPatch.context() as patch,
        House.opened(stack.url, tmp_path_factory.mktemp("crashes"), patch) as house,
        chat_servers() as receiver,
    ):
        yield asyncio.run(_die_at_all_moments(Crashing(house, mortal, receiver)))
    process_redactor.cache_clear()


async def _die_at_all_moments(crashing: Crashing) -> dict[str, Afterwards]:
    killed = {moment: await crashing.dies(moment, agent=f"a{number}") for number, moment in enumerate(ALL_MOMENTS)}
    await crashing.house.keep_house()
    assert unfinished_runs(crashing.house.home) == []
    return {moment: await _look(crashing, run_id) for moment, run_id in killed.items()}


async def _look(crashing: Crashing, run_id: str) -> Afterwards:
    ran = await crashing.house.look_at(run_id)
    agent = ran.record.spec.agent
    return Afterwards(
        ran=ran,
        sent=crashing.sent(run_id),
        pushed=crashing.pushed(agent),
        artifacts=await crashing.artifacts(run_id),
        journal=crashing.house.journal(agent),
        observations=crashing.house.observations(agent),
    )


@pytest.mark.parametrize("moment", ALL_MOMENTS)
class TestKilled:
    """What there is of a run that was killed at the moment."""

    def test_the_record_and_the_server_say_the_same(self, afterwards: dict[str, Afterwards], moment: str) -> None:
        ran = afterwards[moment].ran
        outcome = Outcome.CRASHED if moment in KEPT else Outcome.COMPLETED
        assert (ran.record.outcome, ran.record.delivery) == (outcome, Delivery.DELIVERED)
        assert ran.record.done("closed")
        assert (ran.flow_run.state_name, ran.flow_run.state_type) == (outcome.state_name, StateType(outcome.state_type))
        assert {outcome.value, "delivered"} <= set(ran.flow_run.tags)

    def test_the_transcript_is_there_up_to_the_end(self, afterwards: dict[str, Afterwards], moment: str) -> None:
        kinds = [entry.kind for entry in afterwards[moment].ran.transcript if entry.kind in WHOLE]
        assert kinds == WHOLE[: KEPT.get(moment, len(WHOLE))]

    def test_what_it_found_out_is_known_once(self, afterwards: dict[str, Afterwards], moment: str) -> None:
        found = afterwards[moment]
        assert [item.text for item in found.observations] == ["It was green."] * (moment not in KEPT)
        assert [entry.id for entry in found.journal] == [found.ran.record.run_id] * (KEPT.get(moment, 4) > 2)

    def test_its_changes_are_one_commit(self, afterwards: dict[str, Afterwards], moment: str) -> None:
        # The command had run by the time at which its result was written down.
        assert len(afterwards[moment].pushed) == (KEPT.get(moment, 4) > 2)

    def test_its_report_is_one_message(self, afterwards: dict[str, Afterwards], moment: str) -> None:
        assert len(afterwards[moment].sent) == 1

    def test_its_page_shows_one_of_each(self, afterwards: dict[str, Afterwards], moment: str) -> None:
        shown = sorted(str(item.key).rpartition("-")[2] for item in afterwards[moment].artifacts)
        assert shown == ["context", "learned", "numbers", "report", "transcript"]


@pytest.fixture
def crashing(house: House, mortal: Mortal) -> Iterator[Crashing]:
    with chat_servers() as receiver:
        yield Crashing(house, mortal, receiver)


@pytest.mark.parametrize("moment", ["a tool answered", "after:delivered"])
async def test_the_next_run_of_the_same_agent_makes_up_for_it(crashing: Crashing, moment: str) -> None:
    killed_id = await crashing.dies(moment)
    following = await crashing.house.run(prompt="SAY: next")
    killed = await crashing.house.look_at(killed_id)
    assert following.state.name == "Completed"
    assert killed.record.done("closed")
    assert killed.flow_run.state_name == ("Crashed" if moment in KEPT else "Completed")
    assert len(crashing.sent(killed_id)) == 1
    assert Counter(entry.id for entry in crashing.house.journal()) == {killed_id: 1, following.record.run_id: 1}


def at_work_in(folder: Path) -> list[str]:
    """The processes that work in a folder, or below it."""
    found = psutil.process_iter(["cwd", "cmdline"])
    return [str(each.info["cmdline"]) for each in found if (each.info["cwd"] or "").startswith(str(folder))]


@pytest.mark.parametrize("moment", ["a tool was called", "a tool answered", "after:agent_ended"])
async def test_what_was_killed_under_claude_code_is_made_up_for_and_nothing_of_it_works_on(
    crashing: Crashing, moment: str
) -> None:
    killed_id = await crashing.dies(moment, runner="claude-agent-sdk", prompt="RUN: echo night >> main.txt; sleep 2")
    await crashing.house.keep_house()
    killed = await crashing.house.look_at(killed_id)
    assert killed.flow_run.state_name == ("Crashed" if moment in KEPT else "Completed")
    assert len(crashing.sent(killed_id)) == 1
    assert [entry.id for entry in crashing.house.journal()] == [killed_id] * (KEPT.get(moment, 4) > 2)
    await until(lambda: at_work_in(crashing.house.folder(killed_id).path) == [])


async def test_a_chat_that_cannot_tell_a_repetition_gets_no_second_message(crashing: Crashing) -> None:
    target = {"channel": "apprise", "to": crashing.receiver.url("/apprise").replace("http:", "json:")}
    killed_id = await crashing.dies("sent to a chat, not noted", delivery=[target])
    await crashing.house.keep_house()
    killed = await crashing.house.look_at(killed_id)
    assert len(crashing.receiver.texts) == 1
    assert [receipt.status for receipt in killed.record.receipts] == ["unknown"]
    assert (killed.record.outcome, killed.record.delivery) == (Outcome.COMPLETED, Delivery.DELIVERY_FAILED)


async def test_a_run_whose_finisher_is_killed_too_is_finished_by_a_third(crashing: Crashing) -> None:
    first = await crashing.dies("after:agent_ended")
    second = await crashing.dies("remembered, not marked")  # while it finished the first, so that it never began
    third = await crashing.house.run(prompt="SAY: third")
    for run_id in (first, second):
        assert (await crashing.house.look_at(run_id)).record.done("closed")
        assert len(crashing.sent(run_id)) == 1
    assert Counter(entry.id for entry in crashing.house.journal()) == {first: 1, third.record.run_id: 1}


async def test_a_run_that_cannot_be_finished_is_given_up_and_does_not_run_for_ever(crashing: Crashing) -> None:
    killed_id = await crashing.dies("a tool was called")
    transcript = crashing.house.folder(killed_id).transcript_path
    transcript.unlink()
    transcript.mkdir()
    for _ in range(MOST_ATTEMPTS + 1):
        await crashing.house.keep_house()
    crashing.let_time_pass(killed_id)
    await crashing.house.keep_house()
    killed = await crashing.house.look_at(killed_id)
    assert (killed.record.outcome, killed.flow_run.state_name) == (Outcome.CRASHED, "Crashed")
    assert f"could not be finished in {MOST_ATTEMPTS} attempts" in killed.record.reason
    assert unfinished_runs(crashing.house.home) == []


async def test_a_run_of_another_agent_and_session_leaves_it_alone(crashing: Crashing) -> None:
    killed = await crashing.dies("after:agent_ended", agent="owl")
    await crashing.house.run(prompt="SAY: next", agent="dove")
    assert [path.name for path in unfinished_runs(crashing.house.home)] == [killed]


async def test_a_run_that_a_process_still_holds_is_left_to_it(crashing: Crashing) -> None:
    killed = crashing.house.folder(await crashing.dies("after:agent_ended"))
    with hold_run(crashing.house.home, killed.record):
        assert "0 interrupted runs finished" in await crashing.house.keep_house()
    assert "1 interrupted runs finished" in await crashing.house.keep_house()
