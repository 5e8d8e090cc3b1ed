"""The loop guard against labelled sequences of tool calls, in `corpora/tool_call_sequences`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, JsonValue, TypeAdapter
from ruamel.yaml import YAML

from sessions.loop_guard import Level, LoopGuard, Verdict
from sessions.tool_step import ToolStep, call_label, tool_step

CORPUS = Path(__file__).with_name("corpora") / "tool_call_sequences"


class Call(BaseModel, extra="forbid"):
    tool: str
    arguments: dict[str, JsonValue]
    result: str
    failed: bool = False

    def step(self, n: int, left: int) -> ToolStep:
        arguments = filled(self.arguments, n, left)
        assert isinstance(arguments, dict)
        return tool_step(self.tool, arguments, str(filled(self.result, n, left)), failed=self.failed)


class Part(BaseModel, extra="forbid"):
    repeat: int = 1
    calls: list[Call]


class Sequence(BaseModel, extra="forbid"):
    name: str
    steps: list[Part]
    says: str = ""
    not_before: int = 20
    warned: bool = False

    def __iter__(self) -> Iterator[ToolStep]:  # type: ignore[override]
        for part in self.steps:
            for n in range(1, part.repeat + 1):
                yield from (call.step(n, part.repeat + 1 - n) for call in part.calls)


def filled(value: JsonValue, n: int, left: int) -> JsonValue:
    if isinstance(value, str):
        return value.replace("{n}", str(n)).replace("{left}", str(left))
    if isinstance(value, list):
        return [filled(item, n, left) for item in value]
    if isinstance(value, dict):
        return {name: filled(item, n, left) for name, item in value.items()}
    return value


def sequences(file: str) -> list[Sequence]:
    found = TypeAdapter(list[Sequence]).validate_python(YAML(typ="safe").load(CORPUS / file))
    assert len({sequence.name for sequence in found}) == len(found)
    return found


def verdicts(steps: Iterator[ToolStep] | Sequence, **limits: int) -> list[Verdict]:
    """What the guard says to each call, up to the one at which it stops."""
    guard, said = LoopGuard(**limits), list[Verdict]()
    for step in iter(steps):
        said.append(guard.observe(step))
        if said[-1].level is Level.STOP:
            break
    return said


def step(command: str = "ls", result: str = "a", **more: object) -> ToolStep:
    return tool_step("Bash", {"command": command}, result, failed=bool(more.get("failed")))


LOOPS, WORK = sequences("loops.yaml"), sequences("work.yaml")


@pytest.mark.parametrize("sequence", LOOPS, ids=lambda sequence: sequence.name)
def test_a_loop_is_warned_of_and_then_stopped(sequence: Sequence) -> None:
    said = verdicts(sequence)
    assert said[-1].level is Level.STOP
    assert len(said) >= sequence.not_before
    assert sequence.says in said[-1].repeats
    assert Level.WARN in [verdict.level for verdict in said]


@pytest.mark.parametrize("sequence", WORK, ids=lambda sequence: sequence.name)
def test_work_is_never_stopped(sequence: Sequence) -> None:
    levels = [verdict.level for verdict in verdicts(sequence)]
    assert Level.STOP not in levels
    assert (Level.WARN in levels) == sequence.warned


def test_the_corpus_is_large() -> None:
    assert len(LOOPS) + len(WORK) >= 40


def test_the_agent_is_warned_at_five_and_every_five_more_and_stopped_at_twenty() -> None:
    levels = [verdict.level for verdict in verdicts(step() for _ in range(30))]
    at = {level: [number for number, said in enumerate(levels, start=1) if said is level] for level in Level}
    assert (at[Level.WARN], at[Level.STOP], len(levels)) == ([5, 10, 15], [20], 20)


@pytest.mark.parametrize(
    ("limits", "warned", "calls"),
    [
        ({"warn_after": 2, "stop_after": 3}, [2], 3),
        ({"warn_after": 0}, [], 20),
        ({"stop_after": 0}, list(range(5, 31, 5)), 30),
        ({"warn_after": 0, "stop_after": 0}, [], 30),
        ({"warn_after": 9, "stop_after": 4}, [], 4),
    ],
    ids=str,
)
def test_both_numbers_can_be_set_and_zero_is_never(limits: dict[str, int], warned: list[int], calls: int) -> None:
    levels = [verdict.level for verdict in verdicts((step() for _ in range(30)), **limits)]
    assert [number for number, level in enumerate(levels, start=1) if level is Level.WARN] == warned
    assert len(levels) == calls


def test_the_warning_says_what_repeats_and_where_it_ends() -> None:
    warning = verdicts(step("make test", "no rule") for _ in range(5))[-1].warning
    assert "Bash(make test) was called 5 times in a row with the same result" in warning
    assert "At 20 you are stopped." in warning


def test_the_warning_promises_no_end_where_there_is_none() -> None:
    warning = verdicts((step() for _ in range(5)), stop_after=0)[-1].warning
    assert "stopped" not in warning


def test_after_other_work_the_agent_is_warned_anew() -> None:
    steps = [*(step() for _ in range(6)), step("cat b", "b"), *(step() for _ in range(6))]
    levels = [verdict.level for verdict in verdicts(iter(steps))]
    assert levels.count(Level.WARN) == 2


def test_a_call_is_worded_in_one_short_line() -> None:
    assert call_label("Bash", {"timeout": 5, "command": "cat <<END\n" + "x" * 500}).startswith("Bash(cat <<END xxx")
    assert len(call_label("Bash", {"command": "x" * 500})) < 100
    assert call_label("List", {}) == "List"


def test_a_lone_surrogate_in_a_result_is_no_obstacle() -> None:
    assert len({step(result="\ud800").outcome, step(result="a").outcome}) == 2
