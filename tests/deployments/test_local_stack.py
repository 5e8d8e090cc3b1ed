"""What the local stack keeps of itself."""

import sys
from pathlib import Path

import pytest

from deployments.local_stack import run_server
from sessions.errors import ServerError


def test_the_log_of_the_server_before_is_kept_beside_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    (tmp_path / "server.log").write_text("the disk is full")
    with pytest.raises(ServerError, match="ended at once with code 1"), run_server(tmp_path, 1):
        pass
    assert (tmp_path / "server.log.1").read_text() == "the disk is full"
    assert (tmp_path / "server.log").read_text() == ""
    assert (tmp_path / "server.log").stat().st_mode & 0o777 == 0o600
