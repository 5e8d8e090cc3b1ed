"""What an agent did before turns, money or patience ran out is pushed, remembered, reported and delivered."""

import pytest

from sessions.outcome import Outcome
from tests.fakes.half_done import RUNNERS, Limit, expect_work_kept, from_second_turn, run_into
from tests.fakes.house import House

WITHOUT_PRICE = [each[:2] for each in RUNNERS]
MILLION = {"input_tokens": 1_000_000, "output_tokens": 1}


@pytest.mark.parametrize(("runner", "model"), WITHOUT_PRICE)
async def test_an_agent_out_of_turns_leaves_its_work_pushed_and_told(house: House, runner: str, model: str) -> None:
    more = "RUN: echo again\nRUN: echo once more\n"
    limit = Limit(Outcome.STOPPED, "reached max_turns 2", then=more, parameters={"max_turns": 2})
    ran, origin = await run_into(house, limit, runner=runner, model=model)
    expect_work_kept(house, ran, origin, limit)


@pytest.mark.parametrize(("runner", "model", "usd"), RUNNERS)
async def test_an_agent_out_of_its_days_money_leaves_its_work_pushed_and_told(
    house: House, runner: str, model: str, usd: float
) -> None:
    costly = from_second_turn("date +%N", usage=MILLION)
    said, budget = "reached the end of its agent's budget for the day after 2 turns", {"cost_per_day_usd": usd}
    limit = Limit(Outcome.OVER_BUDGET, said, rule=costly, parameters=budget)
    ran, origin = await run_into(house, limit, runner=runner, model=model)
    expect_work_kept(house, ran, origin, limit)


@pytest.mark.parametrize(("runner", "model"), WITHOUT_PRICE)
async def test_an_agent_that_goes_in_circles_leaves_its_work_pushed_and_told(
    house: House, runner: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONS_LOOP_STOP_AFTER", "6")
    said = "Bash(echo x) was called 6 times in a row with the same result"
    limit = Limit(Outcome.STOPPED, said, rule=from_second_turn("echo x"))
    ran, origin = await run_into(house, limit, runner=runner, model=model)
    expect_work_kept(house, ran, origin, limit)
