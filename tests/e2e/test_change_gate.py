"""A session for which nothing has changed, on a real server: no model is called, and the slot says why."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import StateType

from sessions.outcome import Delivery, Outcome
from sessions.settings import read_settings
from sessions.workspace.mirror import mirrors_folder
from tests.e2e.scheduling import FAULT, deployed, make_runs, runs_of
from tests.fakes.house import House, Ran
from tests.fakes.obedient import obedient_script
from tests.workspace.people import Person, bare_repository, git


@pytest.fixture
def ada(tmp_path: Path) -> Person:
    """A person who has pushed a first commit."""
    person = Person.cloning(bare_repository(tmp_path / "origin.git"), tmp_path / "ada")
    person.pushes("door.txt", "green\n", "Paint the door")
    return person


@pytest.fixture
def origin(ada: Person) -> Path:
    return Path(git(ada.clone, "remote", "get-url", "origin"))


class Slots:
    """A session's slots, one a day from ten days ago, each run when the test says so."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._days = iter(range(10, 0, -1))

    async def next(self) -> Ran:
        until = datetime.now(UTC) - timedelta(days=next(self._days))
        window = {"start_time": (until - timedelta(days=1)).isoformat(), "end_time": until.isoformat()}
        async with self.house.client() as client:
            deployment = await deployed(client, self.house.session)
            await make_runs(client, deployment.id, **window, max_runs=1)
        runs = await runs_of(self.house, deployment.id)
        waiting = next(run for run in runs if run.auto_scheduled and run.state_type is StateType.SCHEDULED)
        return await self.house.finish(waiting.id)


@pytest.fixture
def slots(house: House) -> Slots:
    return Slots(house)


async def deploy(house: House, origin: Path, **parameters: Any) -> None:  # noqa: ANN401
    repo = {"url": str(origin), "auto_push": True}
    given: dict[str, Any] = {"change_gate": "repos", "repos": [repo], "starting_deadline_seconds": 0}
    await house.deploy(**given | parameters)


async def test_a_slot_without_a_new_commit_calls_no_model_sends_nothing_and_leaves_no_files(
    house: House, slots: Slots, origin: Path
) -> None:
    await deploy(house, origin, delivery=[{"channel": "file", "to": "{slot}.md"}])
    first, second, third = [await slots.next() for _ in range(3)]
    assert [ran.record.outcome for ran in (first, second, third)] == [
        Outcome.COMPLETED,
        Outcome.NO_CHANGE,
        Outcome.NO_CHANGE,
    ]
    assert (second.state.type, second.state.name) == (StateType.COMPLETED, "NoChange")
    slot = f"{first.record.slot_at:%Y-%m-%d %H:%M}"
    assert slot in (third.state.message or ""), "not the run that it was compared with"
    assert "the newest commits of the repositories" in (second.state.message or "")
    assert {"no_change", "nothing_to_deliver"} <= set(second.flow_run.tags)
    assert second.record.delivery is Delivery.NOTHING_TO_DELIVER
    assert len(house.asked()) == 2, "the first run alone asks, twice"
    assert len(list(house.home.glob("*.md"))) == 1
    assert not (second.folder.workspace_path / "origin").exists()
    assert list(mirrors_folder(read_settings()).iterdir())


async def test_somebodys_commit_lets_the_next_slot_run(house: House, slots: Slots, origin: Path, ada: Person) -> None:
    await deploy(house, origin)
    await slots.next()
    ada.pushes("door.txt", "blue\n")
    assert (await slots.next()).record.outcome is Outcome.COMPLETED
    assert (await slots.next()).record.outcome is Outcome.NO_CHANGE


async def test_what_the_session_pushed_itself_is_no_change(house: House, slots: Slots, origin: Path) -> None:
    await deploy(house, origin, prompt="RUN: echo blue > door.txt")
    await slots.next()
    assert git(origin, "show", "main:door.txt") == "blue"
    assert (await slots.next()).record.outcome is Outcome.NO_CHANGE


async def test_a_commit_that_came_while_the_agent_worked_is_not_overlooked(
    house: House, slots: Slots, origin: Path, ada: Person
) -> None:
    meanwhile = f"cd {ada.clone} && git -c user.name=Ada -c user.email=a@b.c commit -q --allow-empty -m Wait"
    await deploy(house, origin, prompt=f"RUN: echo blue > door.txt\nRUN: ({meanwhile} && git push -q origin main)")
    await slots.next()
    assert git(origin, "log", "--format=%s", "main").splitlines()[1] == "Wait"
    assert (await slots.next()).record.outcome is Outcome.COMPLETED


async def test_another_prompt_lets_the_next_slot_run(house: House, slots: Slots, origin: Path) -> None:
    await deploy(house, origin, prompt="SAY: one")
    await slots.next()
    await deploy(house, origin, prompt="SAY: two")
    assert (await slots.next()).record.outcome is Outcome.COMPLETED


async def test_a_run_that_failed_is_not_what_later_ones_are_compared_with(
    house: House, slots: Slots, origin: Path
) -> None:
    await deploy(house, origin, backoff_seconds=[])
    with house.answering(obedient_script(FAULT)):
        assert (await slots.next()).record.outcome is Outcome.FAILED
    assert (await slots.next()).record.outcome is Outcome.COMPLETED


async def test_what_a_person_triggers_runs_anyway(house: House, slots: Slots, origin: Path) -> None:
    await deploy(house, origin)
    await slots.next()
    assert (await house.run()).record.outcome is Outcome.COMPLETED


async def test_a_slot_without_a_change_takes_none_of_the_days_runs(
    house: House, slots: Slots, origin: Path, ada: Person
) -> None:
    await deploy(house, origin, runs_per_day=2)
    outcomes = [(await slots.next()).record.outcome for _ in range(4)]
    assert outcomes == [Outcome.COMPLETED, *[Outcome.NO_CHANGE] * 3]
    ada.pushes("door.txt", "blue\n")
    assert (await slots.next()).record.outcome is Outcome.COMPLETED


async def test_a_gate_that_cannot_tell_fails_the_run_before_a_token_is_spent(house: House) -> None:
    ran = await house.run(change_gate="cat no-such-list")
    assert ran.record.outcome is Outcome.FAILED
    assert "change_gate: `cat no-such-list` ended with 1" in (ran.state.message or "")
    assert house.model.requests == []
