"""The statuses that stores note change by change are those that the whole log comes to."""

from collections.abc import Sequence
from datetime import datetime

import pytest
from hypothesis import assume, given, settings

from sessions.memory.changes import Add, Change, Fade, Release, Revert, Supersede
from sessions.memory.sqlite import SqliteMemory
from tests.contracts.memory_agreement import apply_in_batches, assert_agree, operation_logs
from tests.fakes.changes import minutes


def statuses_of(log: Sequence[Change], as_of: datetime) -> dict[str, str]:
    """What the log says by then, read from its beginning, without anything that a store or a plan would keep."""
    happened = [change for change in log if change.at <= as_of]
    reverted = {(change.agent, change.reverted) for change in happened if isinstance(change, Revert)}
    added = [change for change in happened if isinstance(change, Add)]
    gone: set[str] = set()
    for change in added:
        if (change.agent, change.run) in reverted or gone.intersection(change.observation.derived_from):
            gone.add(change.observation.id)
    found = {change.observation.id: "quarantined" if change.quarantined else "active" for change in added}
    for change in happened:
        if (change.agent, change.run) in reverted:
            continue
        if isinstance(change, Supersede) and change.successor not in gone:
            found[change.observation] = "superseded"
        elif isinstance(change, Fade):
            found[change.observation] = "faded"
        elif isinstance(change, Release) and found[change.observation] == "quarantined":
            found[change.observation] = "active"
    return found | dict.fromkeys(gone, "reverted")


@settings(max_examples=60, deadline=None)
@given(log=operation_logs(in_order=True))
def test_the_status_at_any_time_is_what_the_log_came_to_by_then(
    tmp_path_factory: pytest.TempPathFactory, log: list[Change]
) -> None:
    with SqliteMemory(tmp_path_factory.mktemp("memory") / "m") as memory:
        apply_in_batches(memory, log, 7)
        written = list(memory.changes())
        # A change that was void at first may be repeated when it no longer is, with the time at which it was made.
        assume(written == sorted(written, key=lambda change: change.at))
        for moment in [minutes(number) for number in range(0, len(log), 5)] + [minutes(len(log))]:
            expected = statuses_of(written, moment)
            active = {each for each, status in expected.items() if status == "active"}
            found = [
                item.id for agent in memory.agents() for item in memory.latest(agent=agent, limit=100, as_of=moment)
            ]
            assert set(found) == active
        now = {item.id: item.status for item in memory.observations(list(expected))}
        assert now == expected


@settings(max_examples=30, deadline=None)
@given(log=operation_logs())
def test_the_size_of_the_batches_makes_no_difference(
    tmp_path_factory: pytest.TempPathFactory, log: list[Change]
) -> None:
    folder = tmp_path_factory.mktemp("memory")
    with SqliteMemory(folder / "one") as one, SqliteMemory(folder / "other") as other:
        apply_in_batches(one, log, 1)
        apply_in_batches(other, log, len(log))
        # What was void one by one may count when it is said again; so it does in both.
        apply_in_batches(one, log, 1)
        apply_in_batches(other, log, 3)
        assert_agree(one, other, [minutes(number) for number in range(0, len(log), 9)])
