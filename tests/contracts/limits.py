"""The limits that every Runner is held to from outside. A runner's own test adds `LimitsContract` to its bases."""

import asyncio
from datetime import UTC, datetime

import psutil
import pytest

from sessions.limits import supervise
from sessions.offline import Script, open_offline_model
from sessions.process_tree import MARKER
from sessions.runners.base import AgentRun, Stop
from tests.fakes.driving import LIMIT_SECONDS, Place, is_running
from tests.fakes.scripts import calls, says, script

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
RUN_ID = "a-run-of-these-tests"


class LimitsContract:
    """Needs the fixture `place` of `RunnerContract`."""

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
