"""What an agent may use of a day, told by the records of its runs."""

import multiprocessing
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sessions.admission import Skip
from sessions.day_budget import admit, day_budget, left_of_day
from sessions.ending import reason_for
from sessions.leftovers import delete_leftovers
from sessions.models import Usage
from sessions.outcome import Outcome
from sessions.redaction import Redactor
from sessions.run_folder import RunFolder, hold_run
from sessions.run_record import RunRecord
from sessions.runners.base import AgentEnd, Stop
from sessions.settings import Settings
from sessions.spec import SessionSpec
from sessions.transcript import Entry, Transcript

BERLIN = ZoneInfo("Europe/Berlin")
# In the past, since what decides whether a record is read is when its file was written.
NOON = datetime(2024, 11, 20, 12, tzinfo=UTC)
MILLION = Usage(input_tokens=1_000_000)

Opening = Callable[..., RunFolder]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def open_run(settings: Settings) -> Opening:
    """Opens a run that has done nothing yet."""

    def opened(
        run_id: str, *, at: datetime = NOON, zone: ZoneInfo | None = None, session: str = "s", **spec: object
    ) -> RunFolder:
        first = RunRecord(
            run_id=run_id,
            run_name=run_id,
            session=session,
            spec=SessionSpec.model_validate({"prompt": "Look.", **spec}),
            slot_at=at.astimezone(zone or UTC),
            opened_at=at,
        )
        with hold_run(settings.home, first) as run:
            return run

    return opened


@pytest.fixture
def spend(open_run: Opening, settings: Settings) -> Opening:
    """Has a run of one million tokens, which cost 3 US dollars, and some extraction come to its end."""

    def spent(run_id: str, *, at: datetime = NOON, cost_usd: float = 3.25, **fields: object) -> RunFolder:
        run = open_run(run_id, at=at, **fields)
        assert admit(run, settings) is None
        run.mark("agent_started", at)
        work(run, at)
        run.record.agent_end = AgentEnd(stop=Stop.FINISHED)
        run.record.cost_usd = cost_usd
        run.mark("reported", at)
        return run

    return spent


def work(run: RunFolder, at: datetime = NOON) -> None:
    transcript = Transcript(run.transcript_path, Redactor({}))
    transcript.append(Entry(kind="usage", at=at, turn=1, usage=MILLION))


def reason(skip: Skip | None) -> str:
    assert skip is not None
    assert skip.outcome is Outcome.OVER_BUDGET
    return skip.reason


def test_without_a_budget_any_number_of_runs_is_let_in(spend: Opening) -> None:
    for number in range(5):
        assert spend(f"r{number}").record.done("admitted")


def test_the_run_after_the_last_of_the_day_is_over_budget(
    spend: Opening, open_run: Opening, settings: Settings
) -> None:
    for number in range(2):
        spend(f"r{number}", runs_per_day=2)
    further = open_run("r2", runs_per_day=2)
    assert reason(admit(further, settings)) == (
        "agent main has had 2 of 2 runs today (2024-11-20, UTC), see runs_per_day; "
        "the next day begins at 2024-11-21 00:00 UTC"
    )
    assert not further.record.steps


def test_what_was_spent_counts_with_its_extraction(spend: Opening, open_run: Opening, settings: Settings) -> None:
    spend("r0", cost_usd=3.25)
    assert admit(open_run("r1", cost_per_day_usd=3.26), settings) is None
    said = reason(admit(open_run("r2", cost_per_day_usd=3.25), settings))
    assert said.startswith("agent main has spent 3.2500 of 3.25 US dollars today (2024-11-20, UTC), see cost_per_day")


def test_all_sessions_of_an_agent_count_and_those_of_others_do_not(
    spend: Opening, open_run: Opening, settings: Settings
) -> None:
    spend("r0", session="nightly")
    spend("r1", session="hourly", agent="owl")
    assert "1 of 1 runs" in reason(admit(open_run("r2", session="weekly", runs_per_day=1), settings))
    assert admit(open_run("r3", agent="dove", runs_per_day=1), settings) is None


def test_the_day_is_that_of_the_schedules_zone(spend: Opening, open_run: Opening, settings: Settings) -> None:
    # 23:30 in Berlin and 00:30 an hour later.
    late, later = datetime(2024, 11, 20, 22, 30, tzinfo=UTC), datetime(2024, 11, 20, 23, 30, tzinfo=UTC)
    spend("r0", at=late)
    assert "(2024-11-20, UTC)" in reason(admit(open_run("r1", at=later, runs_per_day=1), settings))
    assert admit(open_run("r2", at=later, zone=BERLIN, runs_per_day=1), settings) is None
    again = reason(admit(open_run("r3", at=later, zone=BERLIN, runs_per_day=1), settings))
    assert "(2024-11-21, Europe/Berlin)" in again
    assert again.endswith("2024-11-22 00:00 CET")


def test_a_day_on_which_the_clocks_change_is_as_long_as_it_is(open_run: Opening, settings: Settings) -> None:
    sunday = open_run("r0", at=datetime(2024, 10, 27, 12, tzinfo=UTC), zone=BERLIN).record
    budget = day_budget(sunday, settings)
    assert budget.until.astimezone(UTC) - budget.since.astimezone(UTC) == timedelta(hours=25)


def test_yesterdays_runs_do_not_count(spend: Opening, open_run: Opening, settings: Settings) -> None:
    spend("r0", at=NOON - timedelta(days=1))
    assert admit(open_run("r1", runs_per_day=1, cost_per_day_usd=0.01), settings) is None


def test_records_that_nobody_wrote_to_today_are_not_even_read(
    spend: Opening, open_run: Opening, settings: Settings
) -> None:
    old = spend("r0", at=NOON - timedelta(days=1)).path / "run.json"
    old.write_text("no record any more")
    before = (NOON - timedelta(hours=13)).timestamp()
    os.utime(old, (before, before))
    old.chmod(0)
    assert admit(open_run("r1", runs_per_day=1), settings) is None


def test_a_run_that_was_not_started_uses_nothing(open_run: Opening, settings: Settings) -> None:
    skipped = open_run("r0", runs_per_day=1)
    skipped.mark("closed", NOON)
    broken = open_run("r1")
    assert admit(broken, settings) is None
    broken.record.agent_end = AgentEnd(stop=Stop.FAILED, error="the repository is not there")
    broken.mark("agent_ended", NOON)
    assert admit(open_run("r2", runs_per_day=1), settings) is None


def test_a_run_at_work_counts_with_what_it_has_cost_so_far(open_run: Opening, settings: Settings) -> None:
    running = open_run("r0")
    assert admit(running, settings) is None
    running.mark("agent_started", NOON)
    assert "1 of 1 runs" in reason(admit(open_run("r1", runs_per_day=1), settings))
    assert admit(open_run("r2", cost_per_day_usd=2.5), settings) is None
    work(running)
    assert "3.0000 of 2.5" in reason(admit(open_run("r3", cost_per_day_usd=2.5), settings))


def test_a_deleted_run_counts_as_before_and_once(spend: Opening, open_run: Opening, settings: Settings) -> None:
    for number in range(3):
        spend(f"r{number}")
    for run_id in ("r0", "r1", "r1"):
        delete_leftovers(run_id, settings)
    assert not (settings.home / "runs" / "r0").exists()
    assert "9.7500 of 9.7 US dollars" in reason(admit(open_run("r3", cost_per_day_usd=9.7), settings))
    assert "3 of 3 runs" in reason(admit(open_run("r4", runs_per_day=3), settings))


def test_deletion_that_died_in_the_middle_counts_once(spend: Opening, open_run: Opening, settings: Settings) -> None:
    run = spend("r0")
    kept = (run.path / "run.json").read_text()
    delete_leftovers("r0", settings)
    run.path.mkdir()
    (run.path / "run.json").write_text(kept)
    assert admit(open_run("r1", runs_per_day=2), settings) is None


def test_what_is_kept_of_deleted_runs_does_not_grow(spend: Opening, settings: Settings) -> None:
    for day in range(6):
        spend(f"r{day}", at=NOON + timedelta(days=day))
        delete_leftovers(f"r{day}", settings)
    (kept,) = (settings.home / "agents").glob("*.jsonl")
    assert len(kept.read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("spec", "runs"),
    [({}, 2), ({"runs_per_day": 4}, 4), ({"agent": "owl"}, 3), ({"agent": "owl", "runs_per_day": 1}, 1)],
)
def test_the_number_is_the_sessions_then_the_agents_then_the_projects(
    open_run: Opening, tmp_path: Path, spec: dict[str, object], runs: int
) -> None:
    settings = Settings(
        home=tmp_path,
        runs_per_day=2,
        agent_runs_per_day={"owl": 3},
        cost_per_day_usd=20,
        agent_cost_per_day_usd={"owl": 30},
    )
    costs = {"cost_per_day_usd": 10 * spec["runs_per_day"]} if "runs_per_day" in spec else {}
    budget = day_budget(open_run("r", **spec, **costs).record, settings)
    assert (budget.runs, budget.cost_usd) == (runs, runs * 10)


def test_what_is_left_of_the_day_shrinks_while_another_run_works(
    spend: Opening, open_run: Opening, settings: Settings
) -> None:
    spend("r0")
    own, other = open_run("r1", cost_per_day_usd=10), open_run("r2")
    for run in (own, other):
        assert admit(run, settings) is None
        run.mark("agent_started", NOON)
    left = left_of_day(own.record, settings)
    assert left is not None
    assert left() == pytest.approx(6.75)
    work(own)
    assert left() == pytest.approx(6.75)
    work(other)
    assert left() == pytest.approx(3.75)
    work(other)
    assert left() == pytest.approx(0.75)


def test_without_a_budget_nobody_looks_what_is_left(open_run: Opening, settings: Settings) -> None:
    assert left_of_day(open_run("r0").record, settings) is None


def let_in(home: Path, number: int, barrier: object, found: object) -> None:
    record = RunRecord(
        run_id=f"r{number}",
        run_name="",
        session=f"s{number}",
        spec=SessionSpec(prompt="Look.", runs_per_day=2),
        slot_at=NOON,
        opened_at=NOON,
    )
    with hold_run(home, record) as run:
        barrier.wait(20)  # type: ignore[attr-defined]
        found.put(admit(run, Settings(home=home)) is None)  # type: ignore[attr-defined]


def test_of_many_runs_at_the_same_moment_no_more_than_the_budget_are_let_in(tmp_path: Path) -> None:
    spawning = multiprocessing.get_context("fork")
    barrier, found = spawning.Barrier(6), spawning.Queue()
    processes = [spawning.Process(target=let_in, args=(tmp_path, number, barrier, found)) for number in range(6)]
    for process in processes:
        process.start()
    answers = [found.get(timeout=30) for _ in processes]
    for process in processes:
        process.join(10)
    assert sorted(answers) == [False] * 4 + [True] * 2


@pytest.mark.parametrize(
    ("stop", "said"),
    [
        (Stop.MAX_COST, "the agent reached max_cost_usd 1.5 after 2 turns, 2.0000 USD, 3 s"),
        (Stop.DAY_COST, "the agent reached the end of its agent's budget for the day after 2 turns, 2.0000 USD, 3 s"),
    ],
)
def test_the_reason_names_the_limit_of_money_that_bit(stop: Stop, said: str) -> None:
    spec = SessionSpec(prompt="Look.", max_cost_usd=1.5)
    assert reason_for(AgentEnd(stop=stop), spec, turns=2, cost_usd=2.0, seconds=3.0) == said


@pytest.mark.parametrize("stop", [Stop.MAX_COST, Stop.DAY_COST])
def test_a_first_request_that_is_too_dear_is_told_as_none(stop: Stop) -> None:
    end = AgentEnd(stop=stop, error="it costs a dollar")
    said = reason_for(end, SessionSpec(prompt="Look.", max_cost_usd=0.5), turns=0, cost_usd=0.0, seconds=0.0)
    assert said == "no model was asked: it costs a dollar"
