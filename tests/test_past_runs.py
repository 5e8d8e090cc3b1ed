from datetime import timedelta
from pathlib import Path

from sessions.outcome import Outcome
from sessions.past_runs import PastRun, past_runs
from sessions.run_folder import RunFolder
from sessions.spec import SessionSpec
from sessions.workspace.base import CommitResult, LeftOut
from tests.fakes.records import SLOT, a_record


def a_past_run(number: int, **fields: object) -> PastRun:
    """The run of `number` days before the slot."""
    given = {
        "run_id": f"run-{number}",
        "session": "doors",
        "slot_at": SLOT - timedelta(days=number),
        "outcome": Outcome.COMPLETED,
        "cost_usd": 0.1,
    }
    return PastRun.model_validate(given | fields)


def kept(home: Path, number: int, **fields: object) -> None:
    at = SLOT - timedelta(days=number)
    record = a_record(**{"run_id": f"run-{number}", "slot_at": at, "opened_at": at} | fields)
    path = home / "runs" / record.run_id
    path.mkdir(parents=True)
    RunFolder(path, record).save()


def test_earlier_runs_of_an_agent_come_newest_first_from_their_records(tmp_path: Path) -> None:
    steps = {"agent_ended": SLOT, "remembered": SLOT}
    kept(tmp_path, 2, outcome=Outcome.COMPLETED, cost_usd=0.5, steps=steps)
    kept(tmp_path, 1, outcome=Outcome.FAILED, reason="it broke", steps={"agent_ended": SLOT}, session="windows")
    kept(tmp_path, 3, spec=SessionSpec(prompt="x", agent="owl"))
    found = past_runs(tmp_path, agent="main", before=SLOT)
    assert [(run.run_id, run.session, run.outcome, run.remembered) for run in found] == [
        ("run-1", "windows", Outcome.FAILED, False),
        ("run-2", "doors", Outcome.COMPLETED, True),
    ]
    assert (found[0].reason, found[1].cost_usd, found[1].worked) == ("it broke", 0.5, True)


def test_the_run_that_asks_and_those_that_came_later_do_not_count(tmp_path: Path) -> None:
    kept(tmp_path, 1)
    kept(tmp_path, 0)
    kept(tmp_path, 4)
    assert [run.run_id for run in past_runs(tmp_path, agent="main", before=SLOT, besides="run-4")] == ["run-1"]


def test_a_run_whose_learning_was_given_up_is_still_not_remembered(tmp_path: Path) -> None:
    kept(tmp_path, 1, steps={"agent_ended": SLOT, "closed": SLOT})
    kept(tmp_path, 2, steps={"closed": SLOT})
    given_up, skipped = past_runs(tmp_path, agent="main", before=SLOT)
    assert (given_up.remembered, skipped.remembered) == (False, True)


def test_what_is_no_run_is_passed_over(tmp_path: Path) -> None:
    assert past_runs(tmp_path, agent="main", before=SLOT) == []
    (tmp_path / "runs" / "broken").mkdir(parents=True)
    (tmp_path / "runs" / "broken" / "run.json").write_text("{")
    (tmp_path / "runs" / "empty").mkdir()
    assert past_runs(tmp_path, agent="main", before=SLOT) == []


def test_work_that_was_not_pushed_is_known_of_a_run(tmp_path: Path) -> None:
    left = LeftOut(path="big.bin", reason="over 25 MB")
    commits = [
        CommitResult(name="app", url="u", status="kept", branch="b", place="/mirror"),
        CommitResult(name="lib", url="u", status="pushed", branch="b"),
        CommitResult(name="doc", url="u", status="pushed", branch="b", left_out=(left,)),
    ]
    kept(tmp_path, 1, commits=commits)
    (run,) = past_runs(tmp_path, agent="main", before=SLOT)
    assert [sentence.partition(":")[0] for sentence in run.not_pushed] == [
        commits[0].sentence().partition(":")[0],
        commits[2].sentence().partition(":")[0],
    ]
