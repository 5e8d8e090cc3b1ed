"""Made-up changes of a memory."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sessions.memory.changes import CHANGE, Add, Change
from tests.fakes.observations import MIDNIGHT, an_entry, an_observation


def minutes(count: float) -> datetime:
    """So many minutes after midnight."""
    return MIDNIGHT + timedelta(minutes=count)


def an_addition(number: int, text: str = "", *, run: str = "run-1", quarantined: str = "", **fields: Any) -> Add:  # noqa: ANN401 - fields of Observation
    """Observation `o<number>` is added, `number` minutes after midnight."""
    item = an_observation(number, text, source={"run": run, "span": "turn-3", "origin": "tool"}, **fields)
    return Add(
        id=f"add-{item.id}", agent=item.agent, run=run, at=item.created_at, observation=item, quarantined=quarantined
    )


def a_change(op: str, number: int, *, run: str = "run-2", agent: str = "main", **fields: object) -> Change:
    """A change of that kind, by `run-2`, `number` minutes after midnight."""
    said: Mapping[str, object] = {"id": f"{op}-{number}", "agent": agent, "run": run, "at": minutes(number), "op": op}
    return CHANGE.validate_python({**said, **fields})


def a_journal(number: int, *, run: str = "", **fields: object) -> Change:
    """The journal entry of `run` is written, `number` minutes after midnight."""
    run = run or f"run-{number}"
    entry = an_entry(number, id=run, **fields)
    return a_change("write_journal", number, run=run, agent=entry.agent, entry=entry)
