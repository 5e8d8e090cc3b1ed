import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessions.errors import MemoryStoreError
from sessions.memory.base import Memory
from sessions.memory.sqlite import SqliteMemory
from sessions.memory.transfer import BATCH, import_changes
from tests.contracts.memory_transfer import LOG, assert_round_trip, exported
from tests.fakes.changes import a_change, an_addition


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with SqliteMemory(tmp_path / "one") as memory:
        yield memory


def test_what_goes_out_comes_in_and_out_again_the_same(tmp_path: Path, memory: Memory) -> None:
    with SqliteMemory(tmp_path / "other") as other:
        assert_round_trip(memory, other)


def test_a_lot_is_small_enough_for_a_store_that_is_slow() -> None:
    """What was measured stands at `BATCH`; with 200 an import of 3,000 changes into the emulator was given up."""
    assert BATCH <= 50


def test_one_agent_can_go_alone(tmp_path: Path, memory: Memory) -> None:
    memory.apply(LOG)
    with SqliteMemory(tmp_path / "other") as other:
        assert import_changes(other, exported(memory, "scout").splitlines()).new == 1
        assert other.agents() == ["scout"]


def test_every_line_is_a_change_by_itself(memory: Memory) -> None:
    memory.apply(LOG)
    lines = exported(memory).splitlines()
    assert [json.loads(line)["op"] for line in lines] == [change.op for change in LOG]


def test_lines_that_hold_no_change_are_named_and_the_others_stored(memory: Memory) -> None:
    good = an_addition(1).model_dump_json()
    lines = [
        good,
        "",
        "{not json",
        '{"op": "conquer", "id": "x"}',
        "[]",
        good.replace('"importance":0.5', '"importance":5'),
        '{"op": "fade", "id": "f", "agent": "main", "run": "r", "at": "yesterday", "observation": "o1", "reason": ""}',
        good.encode()[:-30],
        b"\xff\xfe",
        a_change("fade", 2, observation="o1", reason="old").model_dump_json(),
        a_change("fade", 3, observation="o9", reason="old").model_dump_json(),
    ]
    imported = import_changes(memory, lines)
    assert list(imported.bad) == [3, 4, 5, 6, 7, 8, 9]
    assert "conquer" in imported.bad[4]
    assert "importance" in imported.bad[6]
    assert "at" in imported.bad[7]
    assert (imported.new, list(imported.void)) == (2, ["fade-3"])
    assert memory.observations(["o1"])[0].status == "faded"


def test_what_could_not_be_stored_is_stored_by_importing_again(memory: Memory) -> None:
    lines = [a_change("set_vital", n, name="focus", value=str(n)).model_dump_json() for n in range(BATCH * 2 + 5)]
    lines[BATCH + 7] = an_addition(1).model_dump_json()

    def cut() -> Iterator[str]:
        yield from lines[: BATCH + 3]
        raise MemoryStoreError("the network is gone", url="")

    with pytest.raises(MemoryStoreError, match=rf"the network is gone\. {BATCH} changes .* are stored by now; import"):
        import_changes(memory, cut())
    assert len(list(memory.changes())) == BATCH
    assert import_changes(memory, lines).new == len(lines) - BATCH
    assert [change.model_dump_json() for change in memory.changes()] == lines


def test_where_nothing_was_stored_nothing_is_said_of_it(tmp_path: Path) -> None:
    memory = SqliteMemory(tmp_path / "closed")
    memory.close()
    with pytest.raises(MemoryStoreError) as failed:
        import_changes(memory, [an_addition(1).model_dump_json()])
    assert "by now" not in str(failed.value)


def test_nothing_to_import_is_nothing(memory: Memory) -> None:
    assert import_changes(memory, []).new == import_changes(memory, ["\n", "  \r\n"]).new == 0
