from datetime import timedelta

from sessions.workspace.base import GitState
from tests.fakes.materials import SLOT, known, vital, written
from tests.fakes.observations import an_observation
from tests.test_past_runs import a_past_run

APP = GitState(name="app", url="u", branch="main")
RECENT = SLOT - timedelta(hours=5)
LONG_AGO = SLOT - timedelta(days=9)


def told(**fields: object) -> str:
    text = written(**fields).text  # type: ignore[arg-type]
    return text.partition("## How fresh this is\n\n")[2].partition("\n\n")[0]


def test_the_age_of_the_last_sync_is_told_and_loud_when_old() -> None:
    assert "- Repositories: fetched 2026-11-20 02:00 (0 min ago)." in told(git=(APP,), synced_at=SLOT)
    assert "⚠ STALE: Repositories: fetched 2026-11-11 02:00 (9 days ago)." in told(git=(APP,), synced_at=LONG_AGO)
    assert "when they were fetched last is not known" in told(git=(APP,))
    assert "Repositories" not in told(synced_at=SLOT)


def test_the_age_of_the_last_extraction_is_told_and_loud_when_old() -> None:
    recent, old = (known(latest=[an_observation(1, created_at=at)]) for at in (RECENT, LONG_AGO))
    assert told(so_far=recent) == "- Memory: 1 observations, last learned from a run 2026-11-19 21:00 (5 h ago)."
    assert told(so_far=old).startswith("- ⚠ STALE: Memory: 1 observations")
    assert told() == "- Memory: empty; nothing was learned from a run yet."


def test_runs_that_are_not_remembered_are_counted_loudly() -> None:
    runs = (a_past_run(1, remembered=False), a_past_run(2), a_past_run(3, remembered=False, worked=False))
    assert "⚠ STALE: 1 earlier run is not remembered yet (`run-1`): what is in there is missing below." in told(
        runs=runs
    )
    many = tuple(a_past_run(number, remembered=False) for number in range(5))
    assert "5 earlier runs are not remembered yet (`run-0`, `run-1`, `run-2` and 2 more)" in told(runs=many)


def test_the_age_of_the_last_consolidation_is_told_and_loud_when_there_is_new_to_consolidate() -> None:
    def consolidated(at: object, learned_at: object) -> str:
        return told(
            so_far=known(vital("consolidation", "3 merged", at=at), latest=[an_observation(1, created_at=learned_at)])
        )

    assert "- Consolidation: done 2026-11-19 21:00 (5 h ago)." in consolidated(RECENT, SLOT)
    assert "⚠ STALE: Consolidation: done 2026-11-11 02:00 (9 days ago)." in consolidated(LONG_AGO, RECENT)
    assert "⚠ STALE: Consolidation" not in consolidated(LONG_AGO, LONG_AGO)


def test_a_large_memory_that_was_never_consolidated_says_so_loudly() -> None:
    assert "⚠ STALE: Consolidation: never done." in told(so_far=known(total=50))
    assert "Consolidation" not in told(so_far=known(total=49))
