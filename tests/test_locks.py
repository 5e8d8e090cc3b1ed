"""Locks that end with their holder, however it dies."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sessions.errors import RunFolderError
from sessions.locks import HeldError, held

HOLDER = """
import sys, time
from pathlib import Path
from sessions.locks import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_lock_is_refused_while_another_process_holds_it_and_free_when_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(HeldError), held(tmp_path):
            pytest.fail("two processes hold the lock")
        holder.send_signal(signal.SIGKILL)
    with held(tmp_path):
        assert (tmp_path / "lock").exists()


def test_a_folder_that_cannot_be_made_ends_in_a_sentence_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="SESSIONS_HOME"), held(tmp_path / "file" / "below"):
        pytest.fail("there is no such folder")
