"""Agents that write a file, find something, and then run into a limit, whichever runner drives them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sessions.outcome import Outcome
from tests.fakes.house import House, Ran
from tests.fakes.obedient import Rule, obedient_script
from tests.fakes.scripts import calls
from tests.workspace.people import bare_repository, git

#: Each runner with the model that it runs, and what a million tokens of its prompt cost in US dollars.
RUNNERS = (
    ("claude-agent-sdk", "claude-sonnet-4-5", 3.0),
    ("anthropic", "claude-sonnet-4-5", 3.0),
    ("gemini", "gemini-2.5-flash", 0.3),
)
WRITING = "RUN: echo x > a.txt; echo green\n"
TO_FILE = [{"channel": "file", "to": "report.md"}]


@dataclass(frozen=True)
class Limit:
    """A limit, what leads the agent into it once it has written its file, and how the run is to end.

    `then` are further lines of the prompt, `rule` stands in place of the obedient model's own from the agent's second
    turn on, and `reason` is in the run's reason.
    """

    outcome: Outcome
    reason: str
    then: str = ""
    rule: Rule | None = None
    parameters: dict[str, Any] = field(default_factory=dict)


def from_second_turn(command: str, **more: object) -> Rule:
    """The agent says what its first command came to, and calls `command`, again and again."""
    found = calls("Bash", "I found: {{ results[0] | first_line }}", command=command)
    return {"when": {"has_tools": True, "turn_at_least": 1}, "answer": {**found, **more}}


async def run_into(house: House, limit: Limit, *, runner: str, model: str) -> tuple[Ran, Path]:
    """One run of an agent that works in an empty repository and then meets `limit`; and that repository's remote."""
    origin = bare_repository(house.home.parent / "origin.git")
    with house.answering(obedient_script(*filter(None, [limit.rule]))):
        ran = await house.run(
            runner=runner,
            model=model,
            prompt=WRITING + limit.then,
            repos=[{"url": str(origin), "auto_push": True}],
            delivery=TO_FILE,
            **limit.parameters,
        )
    return ran, origin


def expect_work_kept(house: House, ran: Ran, origin: Path, limit: Limit) -> None:
    """The run ended as the limit says; its file is pushed, its finding remembered, its report delivered."""
    assert (ran.record.outcome, ran.state.name) == (limit.outcome, limit.outcome.state_name)
    assert limit.reason in ran.record.reason
    assert git(origin, "show", "main:a.txt") == "x"
    assert [result.sentence() for result in ran.record.commits] == ["origin: 1 commit pushed to branch main"]
    assert "It was green." in [observation.text for observation in house.observations()]
    delivered = (house.home / "report.md").read_text(encoding="utf-8")
    for words in (limit.reason, "pushed to branch main", "It was green"):
        assert words in ran.report
        assert words in delivered
    assert (ran.record.notes, ran.record.done("closed")) == ({}, True)
