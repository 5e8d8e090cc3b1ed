"""What the tests of `sessions memory` share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sessions.memory import open_memory
from sessions.memory.base import Memory
from tests.fakes.memories import stock


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Memory]:
    """The memory that the commands open, stocked, and a terminal wide enough for whole lines."""
    monkeypatch.setenv("SESSIONS_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    with open_memory(f"sqlite:///{tmp_path}/memory.sqlite3") as opened:
        stock(opened)
        yield opened
