"""A consolidation on a real server: one call of a real client, checked, applied, shown, and told in later contexts."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

from sessions.memory import open_memory
from sessions.memory.changes import Change, Revert
from sessions.memory.things import Observation
from sessions.offline import DEMO_SCRIPT, Script, read_script
from sessions.outcome import Outcome
from sessions.settings import read_settings
from tests.fakes.house import House, Ran
from tests.fakes.materials import belief, said, thread
from tests.fakes.observations import an_observation

HAIKU = "claude-haiku-4-5"
KIND: dict[str, Any] = {"kind": "consolidation", "prompt": "Tidy up.", "allowed_tools": [], "model": HAIKU}
TWICE = [
    an_observation(1, "The cellar door is green.", source={"run": "run-a"}),
    an_observation(2, "The cellar door is green.", source={"run": "run-b"}),
    an_observation(3, "The lamp is on.", source={"run": "run-c"}),
]


def remember(observations: Sequence[Observation], *changes: Change) -> None:
    with open_memory(read_settings().memory_address) as memory:
        memory.remember(observations)
        memory.apply(changes)


def answering(**answer: object) -> Script:
    text = json.dumps(answer)
    rule = {"when": {"json_schema": True}, "answer": {"blocks": [{"text": "{% raw %}" + text + "{% endraw %}"}]}}
    return Script.model_validate({"rules": [rule]})


async def consolidate(
    house: House,
    script: Script | None = None,
    **parameters: Any,  # noqa: ANN401 - of a session
) -> tuple[Ran, list[dict[str, Any]]]:
    """A consolidation, and what the model was asked; the demo's own script answers if no other is given."""
    with house.answering(script or read_script(DEMO_SCRIPT)) as model:
        ran = await house.run(**{**KIND, **parameters})
        return ran, [request.body for request in model.requests]


async def artifacts(house: House, ran: Ran) -> dict[str, str]:
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[ran.flow_run.id]))
    async with house.client() as client:
        shown = await client.read_artifacts(artifact_filter=of_run)
    return {str(each.key).rpartition("-")[2]: str(each.data) for each in shown}


async def test_what_is_remembered_twice_is_merged_by_one_call_and_the_diff_is_shown(house: House) -> None:
    remember(TWICE)
    ran, asked = await consolidate(house)
    assert ran.record.outcome is Outcome.COMPLETED
    known = {item.text: item for item in house.observations()}
    assert set(known) == {"The cellar door is green.", "The lamp is on."}
    assert known["The cellar door is green."].derived_from == ("o1", "o2")
    shown = await artifacts(house, ran)
    made = known["The cellar door is green."].id[:8]
    assert f"- [o1] The cellar door is green.\n- [o2] The cellar door is green.\n+ [{made}] The" in shown["diff"]
    assert "1 merge" in ran.report
    assert ran.context in asked[0]["messages"][0]["content"]
    assert len(asked) == 1


async def test_the_call_has_the_sessions_model_temperature_and_tokens_and_its_price_counts(house: House) -> None:
    remember(TWICE)
    ran, asked = await consolidate(house, model="claude-opus-4-5", temperature=0.3, max_tokens=777)
    body = asked[0]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("claude-opus-4-5", 0.3, 777)
    assert ran.record.cost_usd > 0
    assert [entry.kind for entry in ran.transcript] == ["prompt", "text", "usage"]


async def test_later_contexts_name_its_age_and_its_revert_takes_all_of_it_back(house: House) -> None:
    remember(TWICE, belief(1), thread(1))
    ran, _ = await consolidate(
        house,
        answering(
            faded_beliefs=[{"id": "belief-1", "reason": "doors do not matter"}],
            closed_threads=[{"id": "thread-1", "reason": "answered"}],
        ),
    )
    later = await house.run(prompt="SAY: hello")
    assert "Consolidation: done" in later.context
    assert "doors do not matter" in later.context
    assert "Question 1?" not in later.context
    at = datetime.now(UTC)
    remember([], said(Revert, at=at, run="a-person", reverted=ran.record.run_id, reason="no"))
    after = await house.run(prompt="SAY: hello")
    assert "Question 1?" in after.context
    assert "Consolidation: done" not in after.context


async def test_a_scheduled_one_with_nothing_new_asks_no_model(house: House) -> None:
    remember(TWICE)
    first, _ = await consolidate(house)
    await house.deploy(house.session, **{**KIND, "starting_deadline_seconds": 0})
    run_id = await house.miss_a_slot()
    again = await house.finish(run_id)
    assert first.record.outcome is Outcome.COMPLETED
    assert again.record.outcome is Outcome.NO_CHANGE
    assert "has learned nothing since the consolidation of" in again.record.reason


async def test_the_agents_day_limits_it_like_any_session(house: House) -> None:
    remember(TWICE)
    (first, _), (second, _) = [await consolidate(house, runs_per_day=1) for _ in range(2)]
    assert (first.record.outcome, second.record.outcome) == (Outcome.COMPLETED, Outcome.OVER_BUDGET)


async def test_a_call_that_could_cost_more_than_its_limit_is_not_made(house: House) -> None:
    remember(TWICE)
    ran, asked = await consolidate(house, max_cost_usd=0.0001)
    assert ran.record.outcome is Outcome.OVER_BUDGET
    assert "no model was asked: the one call may cost up to" in ran.record.reason
    assert asked == []


async def test_an_empty_memory_costs_no_call(house: House) -> None:
    ran, asked = await consolidate(house)
    assert (ran.record.outcome, ran.record.cost_usd) == (Outcome.COMPLETED, 0)
    assert "There is nothing to consolidate." in ran.report
    assert asked == []


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"blocks": [{"text": "I would rather not."}]}, "does not follow its schema; nothing is changed"),
        ({"blocks": [{"text": '{"merges": ['}], "stop_reason": "max_tokens"}, "was cut off at max_tokens"),
        ({"error": {"type": "overloaded_error"}}, "the call to claude-haiku-4-5 failed"),
        ({"fault": "invalid_json"}, "the call to claude-haiku-4-5 failed"),
    ],
)
async def test_an_answer_that_cannot_be_used_changes_nothing(house: House, rule: dict[str, Any], sentence: str) -> None:
    remember(TWICE)
    ran, _ = await consolidate(house, Script.model_validate({"rules": [{"answer": rule}]}))
    assert ran.record.outcome is Outcome.FAILED
    assert sentence in ran.record.reason
    assert len(house.observations()) == 3
    assert ran.record.done("closed")


async def test_an_answer_that_takes_too_long_ends_it(house: House) -> None:
    remember(TWICE)
    slow = Script.model_validate({"rules": [{"answer": {"blocks": [{"text": "{}"}], "delay_seconds": 20}}]})
    ran, _ = await consolidate(house, slow, timeout_seconds=1)
    assert ran.record.outcome is Outcome.TIMED_OUT
    assert len(house.observations()) == 3


async def test_what_an_agent_is_told_is_refused_for_one(house: House) -> None:
    ran, _ = await consolidate(house, max_turns=3)
    assert ran.state.is_failed()
    assert "max_turns: is for sessions in which an agent works" in (ran.state.message or "")
