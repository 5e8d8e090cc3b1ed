"""What an agent writes to its memory, from its tools to what the next run of the same agent starts with."""

import pytest

from sessions.memory import open_memory
from sessions.outcome import Outcome
from sessions.settings import read_settings
from tests.fakes.house import House
from tests.fakes.obedient import obedient_script

RUNNERS = {"claude-agent-sdk": "claude-sonnet-4-5", "anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}


def wrote(turn: int, tool: str, **arguments: object) -> dict[str, object]:
    """The rule by which the agent calls a memory tool in its turn."""
    block = {"tool": f"mcp__memory__{tool}", "input": arguments}
    return {"when": {"has_tools": True, "turn": turn, "prompt_contains": "Look after"}, "answer": {"blocks": [block]}}


@pytest.mark.parametrize(("runner", "model"), RUNNERS.items())
async def test_what_an_agent_writes_is_applied_after_its_run(house: House, runner: str, model: str) -> None:
    script = obedient_script(
        wrote(0, "note_thread", text="Oil the hinge of the cellar door.", tag="solo"),
        wrote(1, "set_vital", name="squeaking doors", value="2", flagged=True),
        wrote(2, "write_journal", theme="I looked after the doors."),
        wrote(3, "recall", query="hinge"),
        wrote(4, "set_project", name="new doors", status="ordered", waiting_for="the joiner"),
    )
    with house.answering(script) as offline:
        ran = await house.run(prompt="Look after the doors.", runner=runner, model=model)
        again = await house.run(prompt="SAY: what is open?", runner=runner, model=model)
        asked = house.asked(offline)
    assert (ran.record.outcome, again.record.outcome) == (Outcome.COMPLETED, Outcome.COMPLETED)
    with open_memory(read_settings().memory_address) as memory:
        state = memory.state(agent="main")
        first = next(entry for entry in memory.journal(agent="main") if entry.id == ran.record.run_id)
    assert [thread.text for thread in state.open_threads("solo")] == ["Oil the hinge of the cellar door."]
    assert (state.vitals["squeaking doors"].value, state.vitals["squeaking doors"].flagged) == ("2", True)
    assert first.theme == "I looked after the doors."
    assert "Oil the hinge of the cellar door." in again.context
    assert "squeaking doors" in again.context
    assert '"new doors": "ordered"; waits for "the joiner"' in again.context
    assert "mcp__memory__recall" in asked[0].tool_names
