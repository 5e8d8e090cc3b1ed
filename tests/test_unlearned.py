"""A run that could not be learned from is kept until it is, or until its agent is made to forget."""

from datetime import timedelta
from pathlib import Path

from sessions.forgetting import forget_agent
from sessions.leftovers import closed_before
from sessions.run_folder import PATIENCE, RunFolder, close_if_done, is_closed, read_record
from sessions.settings import Settings
from sessions.unlearned import is_kept, runs_to_look_at
from tests.fakes.records import SLOT, a_folder

LONG_AFTER = SLOT + PATIENCE + timedelta(days=1)


def given_up(home: Path) -> RunFolder:
    """A run that was tried for a week."""
    run = a_folder(home, steps={"agent_ended": SLOT})
    close_if_done(run, LONG_AFTER)
    assert is_closed(run.path)
    return run


def test_a_run_that_was_given_up_is_kept_until_it_is_learned_from(tmp_path: Path) -> None:
    run = given_up(tmp_path)
    in_the_future = LONG_AFTER + timedelta(days=10_000)
    assert (is_kept(run.path), runs_to_look_at(tmp_path)) == (True, [run.path])
    assert closed_before(tmp_path, in_the_future) == []
    run.mark("remembered", LONG_AFTER)
    assert (is_kept(run.path), runs_to_look_at(tmp_path)) == (False, [])
    assert [str(run_id) for run_id in closed_before(tmp_path, in_the_future)] == [run.record.run_id]


def test_a_closed_run_whose_agent_never_worked_or_whose_record_is_broken_is_not_kept(tmp_path: Path) -> None:
    run = a_folder(tmp_path)
    close_if_done(run, LONG_AFTER)
    assert not is_kept(run.path)
    (run.path / "run.json").write_text("{")
    assert not is_kept(run.path)


def test_an_agent_that_forgot_does_not_learn_from_a_run_that_was_given_up(tmp_path: Path) -> None:
    run = given_up(tmp_path)
    forget_agent("owl", Settings(home=tmp_path), LONG_AFTER)
    assert is_kept(run.path)
    forget_agent("main", Settings(home=tmp_path), LONG_AFTER)
    assert not is_kept(run.path)
    assert read_record(run.path).done("remembered")
