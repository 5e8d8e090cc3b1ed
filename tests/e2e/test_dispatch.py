"""A dispatch on a real server: what it starts, once for each slot, and what it says of it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.flow_engine import run_flow_async
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Scheduled
from prefect.utilities.callables import get_call_parameters
from pydantic import JsonValue

from deployments.apply import apply_definitions
from deployments.definitions import DISPATCH_ENTRYPOINT, Definition
from deployments.dispatching import DefinedDispatch, Explanation, dispatch_now, explain_dispatch
from deployments.ledger import read_ledger
from deployments.suspension import resume_session, suspend_session
from deployments.trigger import wait_for_end
from flows.dispatch import dispatch
from sessions.dispatch import SessionHistory
from sessions.errors import SpecError
from sessions.outcome import Outcome
from tests.e2e.scheduling import deployed, runs_of
from tests.fakes.house import POOL_WITHOUT_WORKER, House, schedule_in_the_past
from tests.fakes.stack import Stack, a_definition

Rule = dict[str, JsonValue]


def a_dispatch(house: House, *rules: Rule, pool: str = POOL_WITHOUT_WORKER, **given: JsonValue) -> Definition:
    return Definition.model_validate(
        {
            "name": f"turns-{house.session}",
            "entrypoint": DISPATCH_ENTRYPOINT,
            "schedules": [{"cron": "0 2 * * *", "timezone": "UTC", "slug": "nightly", "active": False}],
            "concurrency_limit": {"limit": 1, "collision_strategy": "CANCEL_NEW"},
            "work_pool": {"name": pool},
            "parameters": {"rules": list(rules)} | given,
        }
    )


class Turns:
    """A dispatch of its own, whose runs are run in this process."""

    def __init__(self, house: House, definition: Definition, deployment_id: UUID) -> None:
        self.house = house
        self.definition = definition
        self.deployment_id = deployment_id

    @classmethod
    async def deployed(cls, house: House, *rules: Rule, **given: JsonValue) -> "Turns":
        definition = a_dispatch(house, *rules, **given)
        async with house.client() as client:
            (applied,) = await apply_definitions([definition], client=client, root=house.root)
        return cls(house, definition, applied.deployment_id)

    async def at(self, slot: datetime) -> State[None]:
        """The dispatch goes through a slot."""
        async with self.house.client() as client:
            state = Scheduled(scheduled_time=slot)
            run = await client.create_flow_run_from_deployment(self.deployment_id, state=state)
        return await self.go_through(run)

    async def go_through(self, run: FlowRun) -> State[None]:
        with temporary_settings({PREFECT_API_URL: self.house.url}):
            async with self.house.client() as client:
                fresh = await client.read_flow_run(run.id)
            parameters = get_call_parameters(dispatch.fn, (), fresh.parameters)
            return await run_flow_async(dispatch, flow_run=fresh, parameters=parameters, return_type="state")

    async def explain(self, at: datetime, now: datetime | None = None) -> Explanation:
        dispatch = DefinedDispatch(definition=self.definition, agents={self.house.session: "main"})
        async with self.house.client() as client:
            return await explain_dispatch(dispatch, client, at=at, now=now or at)


async def dispatched(house: House, name: str = "") -> list[FlowRun]:
    """The runs of a session that somebody or something asked for; its own schedule's are not due."""
    async with house.client() as client:
        deployment_id = (await deployed(client, name or house.session)).id
    return [run for run in await runs_of(house, deployment_id) if not run.auto_scheduled]


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


async def test_a_slot_starts_one_run_however_often_it_is_gone_through(house: House, now: datetime) -> None:
    other = await house.deploy(f"{house.session}-2")
    turns = await Turns.deployed(house, {"session": await house.deploy()}, {"session": other})
    first = await turns.at(now)
    assert (first.name, first.type) == ("Dispatched", StateType.COMPLETED)
    assert f"rule 1, {house.session}: every day (UTC): its days and hours match" in (first.message or "")
    # By now the first session is at work, so the rules alone would give the slot to the second.
    again = await turns.at(now)
    (run,) = await dispatched(house)
    assert again.message == f"this slot has started {run.name} before"
    assert await dispatched(house, other) == []
    assert run.name == f"{house.session} · {now:%Y-%m-%d %H:%M} UTC"
    assert (run.expected_start_time, "dispatch" in run.tags) == (now, True)
    next_slot = await turns.at(now + timedelta(seconds=1))
    assert f"started {other} · " in (next_slot.message or "")
    assert len(await dispatched(house)) == 1


async def test_a_dispatch_that_died_after_it_started_a_run_starts_no_second_one(
    house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = await Turns.deployed(house, {"session": await house.deploy()})
    await turns.at(now)

    async def sees_nothing(*_: object) -> list[FlowRun]:
        return []

    async def sees_no_session(*_: object, **__: object) -> dict[str, object]:
        return {house.session: SessionHistory()}

    # As for two that go through the slot at the same moment: neither sees what the other does.
    monkeypatch.setattr("tasks.dispatching._runs_by_key", sees_nothing)
    monkeypatch.setattr("tasks.dispatching.histories_at", sees_no_session)
    assert (await turns.at(now)).name == "Dispatched"
    assert len(await dispatched(house)) == 1


async def test_until_it_succeeded_is_read_from_the_runs_also_from_deleted_ones(house: House, now: datetime) -> None:
    await house.deploy(keep_successful=0)
    turns = await Turns.deployed(house, {"session": house.session, "until_succeeded": True, "timezone": "UTC"})
    await turns.at(now)
    (run,) = await dispatched(house)
    ran = await house.finish(run.id)
    assert ran.record.outcome is Outcome.COMPLETED
    slot = max(now, datetime.now(UTC))
    assert ((await turns.at(slot)).name, slot.date()) == ("NobodysTurn", now.date())
    await house.keep_house()
    assert await dispatched(house) == []
    explained = await turns.explain(datetime.now(UTC))
    assert "it succeeded already that day" in explained.decision.judgements[0].reason
    tomorrow = await turns.explain(now + timedelta(days=1), now=datetime.now(UTC))
    assert (tomorrow.decision.session, tomorrow.agent) == (house.session, "main")
    assert "the moment is still to come: what runs until then is not known" in tomorrow.notes


async def test_a_started_run_that_nobody_takes_up_in_time_is_recorded_as_missed(house: House, now: datetime) -> None:
    turns = await Turns.deployed(house, {"session": await house.deploy()})
    await turns.at(now - timedelta(minutes=10))
    (run,) = await dispatched(house)
    ran = await house.finish(run.id)
    assert ran.record.outcome is Outcome.MISSED
    async with house.client() as client:
        rows = await read_ledger(client, house.session, now=datetime.now(UTC), days=1)
    assert [(row.origin, row.outcome) for row in rows if row.id == str(run.id)] == [("dispatch", Outcome.MISSED)]


async def test_a_slot_of_the_dispatch_that_is_gone_through_too_late_is_missed(house: House) -> None:
    turns = await Turns.deployed(house, {"session": await house.deploy()})
    async with house.client() as client:
        await resume_session(client, turns.definition.name, datetime.now(UTC))
        await schedule_in_the_past(client, turns.deployment_id)
    late = (await runs_of(house, turns.deployment_id))[0]
    state = await turns.go_through(late)
    assert (state.name, state.type) == ("Missed", StateType.CANCELLED)
    assert await dispatched(house) == []


async def test_a_rule_whose_session_is_not_there_fails_the_dispatch_and_the_next_one_has_its_turn(
    house: House, now: datetime
) -> None:
    turns = await Turns.deployed(house, {"session": "nobody"}, {"session": await house.deploy()})
    state = await turns.at(now)
    (run,) = await dispatched(house)
    assert state.type is StateType.FAILED
    assert (state.message or "").startswith("rule 1, nobody: no such session is deployed; run `sessions deploy`")
    assert (state.message or "").endswith(f"started {run.name}")


async def test_a_suspended_session_is_not_started_and_explained(house: House, now: datetime) -> None:
    turns = await Turns.deployed(house, {"session": await house.deploy()})
    async with house.client() as client:
        await suspend_session(client, house.session)
    assert (await turns.at(now)).name == "NobodysTurn"
    assert await dispatched(house) == []
    explained = await turns.explain(now)
    assert explained.decision.judgements[0].reason.startswith("the session is suspended")


async def test_a_new_one_begins_suspended_is_resumed_like_a_session_and_stays_so_over_a_deploy(house: House) -> None:
    turns = await Turns.deployed(house, {"session": await house.deploy()})
    name = turns.definition.name
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    said = f"{name} is suspended, and starts nothing by itself; run `sessions resume {name}`"
    assert said in (await turns.explain(noon)).notes
    async with house.client() as client:
        assert (await resume_session(client, name, noon)).status == "Active"
        (applied,) = await apply_definitions([turns.definition], client=client, root=house.root)
        assert not applied.suspended
        notes = (await turns.explain(noon)).notes
        assert notes == [f"no slot of {name} is at this moment; the next is at 2026-11-24 02:00 UTC"]
        assert (await suspend_session(client, name)).status == "Suspended"


async def test_rules_that_are_not_deployed_as_they_stand_are_told(house: House, now: datetime) -> None:
    turns = await Turns.deployed(house, {"session": await house.deploy()})
    turns.definition = a_dispatch(house, {"session": house.session, "at_most_per_day": 1})
    assert "other rules are deployed than stand here; run `sessions deploy`" in (await turns.explain(now)).notes
    turns.definition = turns.definition.model_copy(update={"name": "not-there"})
    assert "not-there is not deployed, and starts nothing; run `sessions deploy`" in (await turns.explain(now)).notes
    async with house.client() as client:
        with pytest.raises(SpecError, match="'not-there' is not deployed"):
            await dispatch_now(client, "not-there")


async def test_a_worker_goes_through_it_and_runs_what_it_starts(stack: Stack, house: House) -> None:
    session = f"w-{house.session}"
    definitions = [
        a_definition(session, agent=session, prompt=f"SAY: {session}"),
        a_dispatch(house, {"session": session, "at_most_per_day": 1}, pool="sessions"),
    ]
    async with house.client() as client:
        await apply_definitions(definitions, client=client, root=stack.root)
        ended = await wait_for_end(client, (await dispatch_now(client, definitions[1].name)).id)
        assert ended.state_name == "Dispatched", ended.state
        assert ended.name.startswith(f"{definitions[1].name} · 20")
        (run,) = await dispatched(house, session)
        assert (await wait_for_end(client, run.id)).state_name == "Completed"
    assert len(stack.asked(f"SAY: {session}")) == 1
