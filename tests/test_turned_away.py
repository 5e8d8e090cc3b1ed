"""What a run is said to be that Prefect's limit of one ended before it began."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType

from sessions.outcome import Outcome
from tasks.flow_runs import outcome_of_flow_run, why_turned_away
from tasks.run_rows import as_row

SLOT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
TURNED_AWAY = State[None](type=StateType.CANCELLED, message="Deployment concurrency limit reached.")


def a_run(late: float, state: State[None] = TURNED_AWAY, **fields: object) -> FlowRun:
    return FlowRun.model_validate(
        {
            "name": "x",
            "flow_id": uuid4(),
            "auto_scheduled": True,
            "expected_start_time": SLOT,
            "end_time": SLOT + timedelta(seconds=late),
            "state": state,
            **fields,
        }
    )


def test_one_that_came_on_time_was_skipped_for_overlap() -> None:
    row = as_row(a_run(299))
    assert row.outcome is Outcome.SKIPPED_OVERLAP
    assert row.reason == "another run of the session was at work: Deployment concurrency limit reached"


def test_one_that_came_after_its_starting_deadline_was_missed_whatever_was_at_work_then() -> None:
    row = as_row(a_run(301))
    assert row.outcome is Outcome.MISSED
    assert row.reason.startswith("would have started 5 min 1 s after its slot, and the starting deadline is 5 min")
    assert outcome_of_flow_run(a_run(20, parameters={"starting_deadline_seconds": 10})) is Outcome.MISSED


@pytest.mark.parametrize(
    "fields", [{"auto_scheduled": False}, {"parameters": {"starting_deadline_seconds": 0}}], ids=["asked for", "no end"]
)
def test_one_that_has_no_deadline_is_not_missed(fields: dict[str, object]) -> None:
    assert outcome_of_flow_run(a_run(10_000, **fields)) is Outcome.SKIPPED_OVERLAP


@pytest.mark.parametrize(
    "state", [State[None](type=StateType.CANCELLED, message="by hand"), State[None](type="FAILED")]
)
def test_other_endings_are_not_concerned(state: State[None]) -> None:
    assert why_turned_away(a_run(10_000, state)) is None
