"""Texts of megabytes are kept whole, and found by what they begin with."""

import io
from pathlib import Path

from sessions.memory.sqlite import SqliteMemory
from sessions.memory.transfer import export_changes, import_changes
from tests.fakes.changes import a_change, a_journal, an_addition
from tests.fakes.observations import an_observation

MEGABYTES = 10_000_000


def test_ten_megabytes_in_every_field_come_back_and_are_found(tmp_path: Path) -> None:
    large = ("Zanzibar ships on Fridays. " + "\x00\u202eword " * MEGABYTES)[:MEGABYTES]
    with SqliteMemory(tmp_path / "m") as memory:
        stored = an_observation(1, large, quote=large, context=large)
        memory.remember([stored, an_observation(2, "Lunch was good")])
        memory.apply([a_change("fade", 3, observation="o2", reason=large), a_journal(4, built=large)])
        assert memory.recall(agent="main", query="zanzibar friday") == [stored]
        assert memory.observations(["o2"])[0].reason == large
        assert memory.journal(agent="main")[0].built == large
        assert len(memory.recall(agent="main", query=large)) == 1


def test_one_long_word_is_kept_too(tmp_path: Path) -> None:
    with SqliteMemory(tmp_path / "m") as memory:
        stored = an_observation(1, "x" * MEGABYTES)
        memory.remember([stored])
        assert memory.latest(agent="main") == [stored]


def test_they_go_out_and_in(tmp_path: Path) -> None:
    file = io.StringIO()
    with SqliteMemory(tmp_path / "one") as one, SqliteMemory(tmp_path / "other") as other:
        one.apply([an_addition(n, f"Part {n} " * (MEGABYTES // 8)) for n in range(3)])
        assert export_changes(one, file) == 3
        file.seek(0)
        assert import_changes(other, file).new == 3
        assert other.latest(agent="main") == one.latest(agent="main")
