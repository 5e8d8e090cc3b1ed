"""The limits that every Runner is held to from outside. A runner's own test adds `LimitsContract` to its bases."""

import asyncio
import os
from datetime import UTC, datetime

import psutil
import pytest

from sessions.limits import supervise
from sessions.models import LongPromptPrice, Model, Price
from sessions.offline import Script, open_offline_model
from sessions.process_tree import MARKER
from sessions.runners.base import AgentRun, Stop
from tests.fakes.driving import LIMIT_SECONDS, Place, is_running
from tests.fakes.scripts import Answer, calls, says, script

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
#: Of this process: what carries the mark of another one is ended by that one.
RUN_ID = f"a-run-of-these-tests-{os.getpid()}"
MILLION = {"input_tokens": 1_000_000, "output_tokens": 1000}
SMALL = {"input_tokens": 1000, "output_tokens": 10}
LONG = {"input_tokens": 150_000, "output_tokens": 10}


def again(usage: dict[str, int]) -> Answer:
    return {**calls("Bash", "Again.", command="true"), "usage": usage}


def priced(model: Model) -> Model:
    """The same at 1 US dollar for a million tokens in and 10 for a million out, more for prompts over 200,000."""
    price = Price(input=1, output=10, cache_write=1, cache_read=1)
    dear = LongPromptPrice(input=50, output=50, cache_write=50, cache_read=50, over_tokens=200_000)
    return model.model_copy(update={"price": price, "long_prompt": dear})


class LimitsContract:
    """Needs the fixture `place` and the `model` of `RunnerContract`."""

    model: Model

    async def supervise(self, place: Place, rules: Script, *, idle: float = 0) -> AgentRun:
        place.environment[MARKER] = RUN_ID
        with open_offline_model(rules) as model:
            running = supervise(
                place.runner,
                place.task(model.base_url),
                place.transcript,
                run_id=RUN_ID,
                timeout_seconds=LIMIT_SECONDS,
                inactivity_timeout_seconds=idle,
                now=lambda: NOON,
            )
            return await asyncio.wait_for(running, 2 * LIMIT_SECONDS)

    @pytest.mark.skipif(not psutil.LINUX, reason="only Linux hands orphans to a chosen process")
    @pytest.mark.parametrize("disguise", [f"{MARKER}=", f"{MARKER}=another", 'env -i PATH="$PATH"'])
    async def test_a_process_that_hides_whose_it_is_ends_with_the_run(self, place: Place, disguise: str) -> None:
        leave = f"{disguise} setsid -f sh -c 'echo $$ > pid; exec sleep 600'; until test -s pid; do sleep 0.05; done"
        run = await self.supervise(place, script(calls("Bash", command=leave), says("done")))
        assert (run.stop, run.final_text) == (Stop.FINISHED, "done")
        assert not is_running(int((place.workspace / "pid").read_text()))

    async def test_an_agent_whose_words_come_slowly_is_not_silent(self, place: Place) -> None:
        slow = {"blocks": [{"text": "One moment."}, {"text": "And one more."}], "part_seconds": 1.0}
        run = await self.supervise(place, script(slow), idle=3)
        assert (run.stop, run.error) == (Stop.FINISHED, "")
        assert [entry.kind for entry in run.transcript if entry.kind == "usage"] == ["usage"]

    async def test_an_agent_that_begins_an_answer_and_says_no_more_is_silent(self, place: Place) -> None:
        run = await self.supervise(place, script(says("I was about to", part_seconds=60)), idle=3)
        assert run.stop is Stop.INACTIVE

    async def test_a_request_that_would_pass_max_cost_is_not_sent(self, place: Place) -> None:
        flat = priced(self.model).model_copy(update={"long_prompt": None})
        driven = await place.drive(script(again(MILLION)), model=flat, max_cost_usd=2.5)
        assert (driven.end.stop, driven.end.final_text, len(driven.bodies)) == (Stop.MAX_COST, "Again.", 2)
        assert driven.end.error == "the next request would cost about 1.0110 US dollars, and max_cost_usd leaves 0.4800"

    async def test_a_request_that_would_pass_what_is_left_of_the_agents_day_is_not_sent(self, place: Place) -> None:
        flat = priced(self.model).model_copy(update={"long_prompt": None})
        driven = await place.drive(script(again(MILLION)), model=flat, max_cost_usd=9, left_of_day_usd=lambda: 2.5)
        assert (driven.end.stop, len(driven.bodies)) == (Stop.DAY_COST, 2)
        assert "the agent's day leaves 0.4800" in driven.end.error

    async def test_a_context_that_costs_more_than_max_cost_is_not_sent(self, place: Place) -> None:
        driven = await place.drive(
            script(says("done")), model=priced(self.model), context="x" * 400_000, max_cost_usd=0.05
        )
        assert (driven.end.stop, driven.bodies, driven.transcript.turns) == (Stop.MAX_COST, [], 0)

    async def test_what_a_tool_said_counts_before_the_model_is_shown_it(self, place: Place) -> None:
        tell = {**calls("Bash", command="seq -s. 20000 | cut -c1-28000"), "usage": SMALL}
        driven = await place.drive(script(tell, says("done")), model=priced(self.model), max_cost_usd=0.007)
        assert (driven.end.stop, len(driven.bodies)) == (Stop.MAX_COST, 1)

    async def test_a_small_budget_is_used_up_however_long_an_answer_may_be(self, place: Place) -> None:
        longest = self.model.max_output_tokens
        answers = [*[again(SMALL)] * 3, says("done", usage=SMALL)]
        driven = await place.drive(script(*answers), model=priced(self.model), max_tokens=longest, max_cost_usd=0.0055)
        assert (driven.end.stop, len(driven.bodies)) == (Stop.FINISHED, 4)

    async def test_each_answer_is_priced_by_its_own_prompt(self, place: Place) -> None:
        answers = [*[again(LONG)] * 2, says("done", usage=LONG)]
        driven = await place.drive(script(*answers), model=priced(self.model), max_cost_usd=0.5)
        assert (driven.end.stop, len(driven.bodies)) == (Stop.FINISHED, 3)
