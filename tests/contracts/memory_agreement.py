"""Whether two memories come to the same by the same changes.

A store's test applies what `operation_logs` makes to both, and calls `assert_agree`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from sessions.memory.base import Applied, Memory
from sessions.memory.changes import Change, Op
from tests.fakes.changes import a_change, a_journal, an_addition, minutes

AGENTS = ("main", "main", "main", "scout")
RUNS = tuple(f"run-{number}" for number in range(4))
VOCABULARY = (
    "build cache port report owner deploy night storage login queue worker schedule secret branch commit release "
    "budget model context memory thread friday summary telegram library disk kestrel zanzibar xylophone harbour"
)
WORDS = VOCABULARY.split()
#: Which part of the best ten two stores have in common, over all questions.
AGREEMENT = 0.95
OPS: tuple[Op, ...] = (
    *("add",) * 8,
    *("supersede",) * 3,
    *("fade", "confirm", "release", "believe", "strengthen", "fade_belief", "open_thread", "close_thread"),
    *("write_journal", "set_project", "set_vital", "revert", "revert"),
)


@st.composite
def operation_logs(draw: st.DrawFn, *, least: int = 5, most: int = 60, in_order: bool = False) -> list[Change]:
    """Changes of all kinds: some void, some repeated; with `in_order` none says an earlier time than the one before."""
    log: list[Change] = []
    for number in range(draw(st.integers(least, most))):
        at = number if in_order else draw(st.integers(max(number - 3, 0), number))
        log.append(_draw_change(draw, draw(st.sampled_from(OPS)), at, number, log))
        if draw(st.integers(0, 9)) == 0:
            log.append(draw(st.sampled_from(log)))
    return log


def _draw_change(draw: st.DrawFn, op: Op, at: int, number: int, log: Sequence[Change]) -> Change:
    by = {"agent": draw(st.sampled_from(AGENTS)), "run": draw(st.sampled_from(RUNS))}
    # Mostly what is there; now and then another agent's, or what is not there.
    near = [f"o{number + 1}", *(change.observation.id for change in log if change.op == "add")][-8:]
    if op == "add":
        return _draw_addition(draw, number, at, near, by)
    if op == "write_journal":
        entry = a_journal(at, **by, theme=_words(draw))
        return entry.model_copy(update={"id": f"{op}-{number}"})
    change = a_change(op, at, **by, **_draw_fields(draw, op, number, near))
    return change.model_copy(update={"id": f"{op}-{number}"})


def _draw_addition(draw: st.DrawFn, number: int, at: int, near: list[str], by: Mapping[str, str]) -> Change:
    sources = draw(st.lists(st.sampled_from(near), max_size=2, unique=True))
    moment = minutes(at)
    return an_addition(
        number,
        _words(draw),
        quote=_words(draw),
        context=_words(draw),
        quarantined=draw(st.sampled_from(["", "", "", "an instruction"])),
        created_at=moment,
        event_at=moment,
        derived_from=tuple(sources) if draw(st.booleans()) else (),
        **by,
    )


def _draw_fields(draw: st.DrawFn, op: Op, number: int, near: list[str]) -> dict[str, Any]:
    target, other = draw(st.sampled_from(near)), draw(st.sampled_from(["", *near]))
    few = draw(st.integers(0, 3))
    fields: dict[Op, dict[str, Any]] = {
        "confirm": {"observation": target, "quote": "again"},
        "supersede": {"observation": target, "successor": other, "reason": "new"},
        "fade": {"observation": target, "reason": f"old {number}"},
        "release": {"observation": target, "reason": "harmless"},
        "believe": {"belief": f"b{few}", "text": _words(draw), "evidence": (target,)},
        "strengthen": {"belief": f"b{few}", "evidence": (target,)},
        "fade_belief": {"belief": f"b{few}", "reason": "wrong"},
        "open_thread": {"thread": f"t{few}", "tag": draw(st.sampled_from(["solo", "discuss"])), "text": _words(draw)},
        "close_thread": {"thread": f"t{few}", "reason": "done"},
        "set_project": {"name": f"p{few}", "status": _words(draw)},
        "set_vital": {"name": f"v{few}", "value": _words(draw)},
        "revert": {"reverted": draw(st.sampled_from(RUNS))},
    }
    return fields[op]


def _words(draw: st.DrawFn) -> str:
    return " ".join(draw(st.lists(st.sampled_from(WORDS), min_size=3, max_size=9)))


def apply_in_batches(memory: Memory, log: Sequence[Change], size: int) -> list[Applied]:
    """Apply `log`, so many changes at a time."""
    return [memory.apply(log[start : start + size]) for start in range(0, len(log), size)]


def assert_agree(one: Memory, other: Memory, moments: Sequence[datetime]) -> None:
    """Both hold the same, now and at those moments, and recall nearly the same."""
    log = list(one.changes())
    assert list(other.changes()) == log
    assert one.agents() == other.agents()
    ids = [change.observation.id for change in log if change.op == "add"]
    assert one.observations(ids) == other.observations(ids)
    assert [one.history(observation=each) for each in ids] == [other.history(observation=each) for each in ids]
    for agent in sorted(set(AGENTS)):
        assert one.quarantined(agent=agent) == other.quarantined(agent=agent)
        for as_of in (None, *moments):
            assert held(one, agent, as_of) == held(other, agent, as_of)
    assert shared_part(one, other, [None, *moments]) >= AGREEMENT


def held(memory: Memory, agent: str, as_of: datetime | None) -> object:
    """What a memory says of one agent at one time, but for its search."""
    return (
        memory.state(agent=agent, as_of=as_of),
        memory.journal(agent=agent, limit=100, as_of=as_of),
        memory.latest(agent=agent, limit=100, as_of=as_of),
        memory.count(agent=agent, as_of=as_of),
    )


def shared_part(one: Memory, other: Memory, moments: Sequence[datetime | None]) -> float:
    """Of the best ten for questions of three words, which part both stores have; 1.0 if there is none."""
    found, shared = 0, 0
    for start in range(0, len(WORDS) - 2, 2):
        query = " ".join(WORDS[start : start + 3])
        for agent in sorted(set(AGENTS)):
            for as_of in moments:
                mine, its = (
                    {item.id for item in m.recall(agent=agent, query=query, as_of=as_of)} for m in (one, other)
                )
                found += max(len(mine), len(its))
                shared += len(mine & its)
    return shared / found if found else 1.0
