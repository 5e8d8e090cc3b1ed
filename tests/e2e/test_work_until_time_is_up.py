"""What an agent did before its time was up is pushed, remembered, reported and delivered, whichever runner drove it."""

import pytest

from sessions.outcome import Outcome
from tests.fakes.half_done import RUNNERS, Limit, expect_work_kept, run_into
from tests.fakes.house import House

#: Longer than a busy machine takes to start Claude Code.
SECONDS = {"claude-agent-sdk": 6, "anthropic": 2, "gemini": 2}
TIMES = ("timeout_seconds", "inactivity_timeout_seconds")


def sleeping_past(name: str, seconds: int) -> Limit:
    said = {TIMES[0]: f"was ended at timeout_seconds {seconds}", TIMES[1]: f"was silent for {seconds} s"}[name]
    return Limit(Outcome.TIMED_OUT, said, then="RUN: sleep 600\n", parameters={"timeout_seconds": 60, name: seconds})


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize(("runner", "model"), [each[:2] for each in RUNNERS])
async def test_an_agent_that_is_ended_in_the_middle_of_a_command_leaves_its_work_pushed_and_told(
    house: House, runner: str, model: str, time: str
) -> None:
    limit = sleeping_past(time, SECONDS[runner])
    ran, origin = await run_into(house, limit, runner=runner, model=model)
    expect_work_kept(house, ran, origin, limit)
