"""Limits of an agent and of its day, as a whole run meets them: state, record, report, transcript and delivery."""

import pytest

from sessions.outcome import Outcome
from sessions.runners.base import Stop
from tests.fakes.half_done import RUNNERS, TO_FILE
from tests.fakes.house import House
from tests.fakes.obedient import obedient_script
from tests.fakes.scripts import calls

CIRCLING = {"when": {"has_tools": True}, "answer": calls("Bash", "I try again.", command="echo x")}
#: The second answer costs twice as much as the first, which nobody can know before it came.
COSTLY = [
    {
        "when": {"has_tools": True, "turn": turn},
        "answer": {
            **calls("Bash", "More.", command="date +%N"),
            "usage": {"input_tokens": (turn + 1) * 1_000_000, "output_tokens": 1},
        },
    }
    for turn in range(2)
]


@pytest.mark.parametrize(("runner", "model"), [each[:2] for each in RUNNERS])
async def test_an_agent_that_goes_in_circles_is_stopped_and_everybody_hears_what_repeated(
    house: House, runner: str, model: str
) -> None:
    with house.answering(obedient_script(CIRCLING)):
        ran = await house.run(runner=runner, model=model, delivery=TO_FILE)
    said = "Bash(echo x) was called 20 times in a row with the same result"
    assert (ran.record.outcome, ran.record.agent_end and ran.record.agent_end.stop) == (Outcome.STOPPED, Stop.LOOP)
    assert (ran.state.name, ran.state.type.value) == ("Stopped", "CANCELLED")
    assert ran.record.reason.startswith("the agent went in circles and was stopped after 20 turns")
    assert ran.record.reason.endswith(said)
    assert said in (ran.state.message or "")
    assert said in ran.report
    assert said in (house.home / "report.md").read_text()
    assert "You are going in circles" in ran.folder.transcript_path.read_text()
    assert len(house.journal()) == 1


async def test_when_to_warn_and_to_stop_is_the_projects_to_say(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SESSIONS_LOOP_WARN_AFTER", "2")
    monkeypatch.setenv("SESSIONS_LOOP_STOP_AFTER", "3")
    with house.answering(obedient_script(CIRCLING)) as model:
        ran = await house.run(runner="anthropic")
    bodies = [request.body for request in model.requests if request.body.get("tools")]
    assert ["going in circles" in str(body["messages"][-1]) for body in bodies] == [False, False, True]
    assert ran.record.outcome is Outcome.STOPPED


@pytest.mark.parametrize(("runner", "model", "usd"), RUNNERS)
async def test_the_agents_day_ends_a_run_in_its_middle_and_the_next_is_not_started(
    house: House, runner: str, model: str, usd: float
) -> None:
    budget = 2.5 * usd
    running = {"runner": runner, "model": model, "cost_per_day_usd": budget}
    with house.answering(obedient_script(*COSTLY)) as offline:
        first = await house.run(**running, max_cost_usd=50, delivery=TO_FILE)
        asked = len([request for request in offline.requests if request.body.get("tools")])
        second = await house.run(**running)
        other = await house.run(**running, agent="owl", max_turns=1)
        assert asked == 2
    assert (first.record.outcome, other.record.outcome) == (Outcome.OVER_BUDGET, Outcome.STOPPED)
    assert "the end of its agent's budget for the day after 2 turns" in first.record.reason
    assert f"agent main may spend {budget:g} US dollars a day" in first.report
    assert "over budget" in (house.home / "report.md").read_text()
    assert (second.record.outcome, second.state.name) == (Outcome.OVER_BUDGET, "OverBudget")
    assert second.record.reason.startswith(f"agent main has spent {3 * usd:.1f}")
    assert not second.folder.transcript_path.exists()


async def test_runs_that_housekeeping_deleted_still_count(house: House) -> None:
    await house.deploy(keep_successful=0, runs_per_day=1)
    first = await house.run()
    await house.keep_house()
    assert not first.folder.path.exists()
    again = await house.run()
    assert "1 of 1 runs today" in again.record.reason
    assert "Europe/Berlin), see runs_per_day" in again.record.reason


async def test_the_budget_of_the_project_counts_where_the_session_gives_none(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONS_RUNS_PER_DAY", "1")
    monkeypatch.setenv("SESSIONS_AGENT_RUNS_PER_DAY", '{"owl": 2}')
    outcomes = [(await house.run(agent=agent)).record.outcome for agent in ("main", "main", "owl", "owl", "owl")]
    assert [outcome is Outcome.OVER_BUDGET for outcome in outcomes] == [False, True, False, False, True]
