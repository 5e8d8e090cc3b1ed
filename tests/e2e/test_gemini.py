"""A session with a Gemini model and no other, as a whole run meets it: agent, extraction, report and record."""

import json

import pytest

from sessions.outcome import Outcome
from tests.fakes.house import House
from tests.fakes.obedient import obedient_script
from tests.fakes.stack import SESSION, Stack

GEMINI = {"runner": "gemini", "model": "google/gemini-2.5-flash"}
WORK = "RUN: echo green > door.txt; cat door.txt\nSAY: The door is green."


@pytest.fixture
def gemini_house(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """Only the Gemini API has a key and an address."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    return house


async def test_with_a_gemini_extraction_model_no_claude_model_is_needed(
    gemini_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONS_EXTRACTION_MODEL", "gemini-2.5-flash")
    ran = await gemini_house.run(**GEMINI, prompt=WORK)
    assert ran.record.outcome is Outcome.COMPLETED
    assert "The door is green." in ran.report
    assert [item.text for item in gemini_house.observations()] == ["It was green."]
    assert {request.path.partition(":")[0] for request in gemini_house.model.requests} == {
        "/v1/models/gemini-2.5-flash"
    }
    assert "gk-of-the-house" not in ran.folder.transcript_path.read_text()


async def test_without_a_key_for_the_extraction_model_the_run_completes_and_says_what_is_missing(
    gemini_house: House,
) -> None:
    ran = await gemini_house.run(**GEMINI, prompt=WORK)
    assert ran.record.outcome is Outcome.COMPLETED
    assert "ANTHROPIC_API_KEY" in ran.report
    assert "another SESSIONS_EXTRACTION_MODEL" in ran.report
    assert gemini_house.observations() == []


async def test_a_gated_extraction_model_is_not_asked_and_its_setting_is_named(
    gemini_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONS_EXTRACTION_MODEL", "gemini-2.5-pro")
    ran = await gemini_house.run(**GEMINI, prompt=WORK)
    assert ran.record.outcome is Outcome.COMPLETED
    assert "SESSIONS_ENABLED_MODELS=gemini-2.5-pro" in ran.report
    assert not any("2.5-pro" in request.path for request in gemini_house.model.requests)


async def test_without_a_gemini_key_the_run_fails_and_names_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    monkeypatch.delenv("GOOGLE_GEMINI_BASE_URL")
    ran = await house.run(**GEMINI)
    assert ran.record.outcome is Outcome.FAILED
    assert "set GEMINI_API_KEY, or GOOGLE_GEMINI_BASE_URL" in ran.record.reason
    assert house.model.requests == []


async def test_a_gated_gemini_model_is_refused_before_anything_is_asked(house: House) -> None:
    ran = await house.run(runner="gemini", model="google/gemini-2.5-pro")
    assert ran.record.outcome is Outcome.FAILED
    assert "SESSIONS_ENABLED_MODELS=gemini-2.5-pro" in ran.record.reason
    assert house.model.requests == []


async def test_the_agents_tools_do_not_see_the_key(gemini_house: House) -> None:
    ran = await gemini_house.run(**GEMINI, prompt="RUN: env", allowed_tools=["Bash"])
    (result,) = [entry.text for entry in ran.transcript if entry.kind == "tool_result"]
    assert "PATH=" in result
    assert "GEMINI" not in result


@pytest.mark.parametrize(
    ("limit", "outcome"),
    [
        ({"timeout_seconds": 2}, Outcome.TIMED_OUT),
        ({"inactivity_timeout_seconds": 1, "timeout_seconds": 60}, Outcome.TIMED_OUT),
        ({"max_turns": 2}, Outcome.STOPPED),
        ({"max_cost_usd": 0.0003}, Outcome.OVER_BUDGET),
    ],
    ids=["time", "idle", "turns", "cost"],
)
async def test_each_limit_bites_and_what_was_said_so_far_is_learned(
    house: House, limit: dict[str, float], outcome: Outcome
) -> None:
    ran = await house.run(**GEMINI, prompt="RUN: echo green\nRUN: sleep 3 && echo again\nRUN: sleep 600", **limit)
    assert ran.record.outcome is outcome
    assert next(iter(limit)) in ran.record.reason
    assert "echo green" in ran.folder.transcript_path.read_text()
    assert len(house.journal()) == 1


async def test_what_the_provider_blocks_is_a_failed_run_that_says_so(house: House) -> None:
    blocked = {"when": {"has_tools": True}, "answer": {"gemini": {"block_reason": "SAFETY"}}}
    with house.answering(obedient_script(blocked)):
        ran = await house.run(**GEMINI)
    assert ran.record.outcome is Outcome.FAILED
    assert "the provider blocked the prompt (SAFETY)" in ran.record.reason


def test_a_worker_runs_it_as_the_command_asked(stack: Stack) -> None:
    parameters = [f"--param={name}={value}" for name, value in GEMINI.items()]
    said = stack.command(
        "sessions",
        "trigger",
        SESSION,
        *parameters,
        "--param=prompt=SAY: by Gemini",
        "--param=agent=gemini",
        "--wait",
        "--json",
    )
    run = json.loads(said.stdout)
    assert run["outcome"] == "completed"
    assert stack.folder(run["id"]).record.agent_end.final_text == "by Gemini"
