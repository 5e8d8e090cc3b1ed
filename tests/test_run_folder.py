import errno
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from sessions.channels.base import Receipt
from sessions.errors import RunFolderError
from sessions.locks import HeldError
from sessions.run_folder import (
    PATIENCE,
    TO_CLOSE,
    close_if_done,
    close_run,
    hold_interrupted,
    hold_run,
    is_closed,
    read_record,
    unfinished_runs,
)
from sessions.settled import GRACE, hold_unsettled, settle, unsettled_runs
from tests.fakes.records import RUN_ID, SLOT, a_folder, a_record

HOLD = """
import sys
from pathlib import Path
from sessions.run_folder import hold_run
from tests.fakes.records import a_record
with hold_run(Path(sys.argv[1]), a_record()):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_new_run_gets_a_folder_with_its_record(tmp_path: Path) -> None:
    with hold_run(tmp_path, a_record()) as run:
        assert read_record(run.path) == a_record()
    assert run.path == tmp_path / "runs" / RUN_ID


def test_a_run_that_was_begun_goes_on_from_its_own_record(tmp_path: Path) -> None:
    a_folder(tmp_path).mark("agent_started", SLOT)
    with hold_run(tmp_path, a_record(session="other")) as run:
        assert run.record.done("agent_started")
        assert run.record.session == "doors"


def test_a_run_is_held_by_one_process_and_free_when_that_dies(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(HeldError, match="held by another process"), hold_run(tmp_path, a_record()):
            pass
        with hold_interrupted(tmp_path / "runs" / RUN_ID) as interrupted:
            assert interrupted is None
        holder.kill()
        holder.wait(10)
    with hold_interrupted(tmp_path / "runs" / RUN_ID) as interrupted:
        assert interrupted is not None


def test_steps_and_receipts_are_on_the_disk_at_once(tmp_path: Path) -> None:
    run = a_folder(tmp_path)
    run.mark("extracted", SLOT)
    run.keep_receipt(Receipt(key="k", target="file a.md", status="sending"))
    run.keep_receipt(Receipt(key="k", target="file a.md", status="delivered"))
    kept = read_record(run.path)
    assert kept.done("extracted")
    assert not kept.done("remembered")
    assert [receipt.status for receipt in kept.receipts] == ["delivered"]
    assert run.receipt(Receipt(key="k", target="file a.md", status="pending")).status == "delivered"


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = a_folder(tmp_path)
    run.write(run.report_path, "before")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFolderError, match=r"report.md cannot be written: No space left on device; free some space"):
        run.write(run.report_path, "after")
    assert run.report_path.read_text() == "before"


@pytest.mark.parametrize("text", ["", "{", '{"run_id": "x"}', "[]"])
def test_a_record_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    run = a_folder(tmp_path)
    (run.path / "run.json").write_text(text)
    with pytest.raises(RunFolderError, match=r"run.json is not a run record"):
        read_record(run.path)


def test_unfinished_runs_are_those_that_are_not_closed(tmp_path: Path) -> None:
    assert unfinished_runs(tmp_path) == []
    run = a_folder(tmp_path)
    (tmp_path / "runs" / "not-a-run").mkdir()
    assert unfinished_runs(tmp_path) == [run.path]
    close_run(run, SLOT)
    assert unfinished_runs(tmp_path) == []
    assert is_closed(run.path)


def test_a_closed_run_loses_the_agents_home_and_keeps_the_rest(tmp_path: Path) -> None:
    run = a_folder(tmp_path)
    (run.path / "home").mkdir()
    run.write(run.report_path, "report")
    close_run(run, SLOT)
    assert not (run.path / "home").exists()
    assert run.report_path.exists()


def test_an_interrupted_run_goes_to_its_agent_or_session_and_to_nobody_once_it_is_closed(tmp_path: Path) -> None:
    run = a_folder(tmp_path)

    def given_to(**who: str) -> bool:
        with hold_interrupted(run.path, **who) as held:
            return held is not None

    assert [given_to(), given_to(agent="main"), given_to(agent="owl")] == [True, True, False]
    assert given_to(agent="owl", session="doors")
    close_run(run, SLOT)
    assert not given_to()


def test_a_run_is_closed_when_every_step_is_done(tmp_path: Path) -> None:
    run = a_folder(tmp_path)
    for step in TO_CLOSE:
        close_if_done(run, SLOT)
        assert not is_closed(run.path)
        run.mark(step, SLOT)
    close_if_done(run, SLOT)
    assert is_closed(run.path)


def test_a_run_that_was_tried_for_long_enough_is_closed_as_it_is(tmp_path: Path) -> None:
    run = a_folder(tmp_path)
    run.mark("agent_ended", SLOT)
    close_if_done(run, SLOT + PATIENCE)
    assert not is_closed(run.path)
    close_if_done(run, SLOT + PATIENCE + timedelta(seconds=1))
    assert is_closed(run.path)


def test_only_attempts_that_did_not_come_to_an_end_count(tmp_path: Path) -> None:
    run = a_folder(tmp_path)
    run.count_attempt()
    run.count_attempt()
    assert run.record.attempts == 2
    close_if_done(run, SLOT)
    assert run.record.attempts == 0


def test_a_note_is_gone_as_soon_as_its_step_is_done(tmp_path: Path) -> None:
    run = a_folder(tmp_path)
    run.note("remembered", "the disk is full")
    run.mark("committed", SLOT)
    assert run.record.notes == {"remembered": "the disk is full"}
    run.mark("remembered", SLOT)
    assert run.record.notes == {}


def test_a_closed_run_is_settled_once_its_process_had_time_to_tell_the_server(tmp_path: Path) -> None:
    run = a_folder(tmp_path)
    close_run(run, SLOT)
    with hold_unsettled(run.path, SLOT + GRACE - timedelta(seconds=1)) as early:
        assert early is None
    with hold_unsettled(run.path, SLOT + GRACE) as due:
        assert due is not None
        settle(due, SLOT + GRACE)
    assert unsettled_runs(tmp_path) == []


def test_a_run_that_is_not_closed_is_not_settled(tmp_path: Path) -> None:
    run = a_folder(tmp_path)
    assert unsettled_runs(tmp_path) == [run.path]
    with hold_unsettled(run.path, SLOT + 10 * GRACE) as held:
        assert held is None


def test_a_mark_that_a_crash_left_out_is_made_up_for(tmp_path: Path) -> None:
    run = a_folder(tmp_path)
    run.mark("closed", SLOT)
    assert unfinished_runs(tmp_path) == [run.path]
    settle(run, SLOT)
    assert unfinished_runs(tmp_path) == []
