"""What the table of `sessions runs` says of a run."""

import contextlib
import time
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.output import brief, zone_name
from sessions.ledger import RunRow
from sessions.outcome import Outcome

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
#: As Prefect's scheduler makes them: together, and for hours ahead.
MADE_TOGETHER = ("01a1f85b-5fbb-7225-b9f1-f2577239399b", "01a1f85b-5fbb-7d0c-b1eb-590871e10d32")


def a_run(id_: str, **fields: object) -> RunRow:
    return RunRow.model_validate({"id": id_, "name": "door", "phase": "Completed", "slot_at": NOON} | fields)


def table(monkeypatch: pytest.MonkeyPatch, *rows: RunRow, width: int = 200) -> str:
    async def read_ledger(*_: object, **__: object) -> list[RunRow]:
        return list(rows)

    monkeypatch.setattr("deployments.server.open_client", contextlib.nullcontext)
    monkeypatch.setattr("deployments.ledger.read_ledger", read_ledger)
    monkeypatch.setenv("COLUMNS", str(width))
    done = CliRunner().invoke(app, ["runs", "door"])
    assert done.exit_code == 0, done.output
    return done.output


def test_runs_are_told_apart_by_what_the_table_shows_of_their_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [a_run(id_, outcome=Outcome.COMPLETED) for id_ in MADE_TOGETHER]
    said = table(monkeypatch, *rows)
    assert [id_[:18] in said for id_ in MADE_TOGETHER] == [True, True]
    assert MADE_TOGETHER[0][:9] not in table(monkeypatch, rows[0])


def test_a_run_that_waits_for_an_answer_says_so_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert " waiting_input " in table(monkeypatch, a_run(MADE_TOGETHER[0], phase="WaitingInput"))


def test_a_run_that_was_triggered_for_a_schedule_is_not_shown_as_a_slot_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said = table(monkeypatch, a_run(MADE_TOGETHER[0], origin="trigger", schedule="weekly"))
    assert " trigger " in said
    assert " weekly " in said
    assert " trigger " not in table(monkeypatch, a_run(MADE_TOGETHER[0], origin="schedule", schedule="weekly"))


def test_a_row_can_be_read_in_a_terminal_of_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = {"started_at": NOON, "duration_seconds": 312.4, "cost_usd": 0.1351, "schedule": "nightly"}
    reason = "the agent finished after 4 turns, 0.1351 USD, 312 s; delivered"
    said = table(
        monkeypatch,
        a_run(MADE_TOGETHER[0], outcome=Outcome.COMPLETED, delivery="delivered", reason=reason, **ended),
        width=80,
    )
    lines = [line for line in said.splitlines() if line.strip()]
    assert len(lines) <= 6, said
    assert "completed · delivered" in said
    assert max(map(len, lines)) <= 80


def test_a_run_that_had_nothing_to_deliver_says_its_outcome_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    said = table(monkeypatch, a_run(MADE_TOGETHER[0], outcome=Outcome.NO_CHANGE, delivery="nothing_to_deliver"))
    assert "no_change" in said
    assert "nothing_to_deliver" not in said
    assert "·" not in said


@pytest.mark.parametrize(
    ("due", "shown"),
    [
        (datetime(2026, 11, 21, 2, tzinfo=UTC), "Sat 11-21 03:00"),
        (datetime(2027, 11, 21, 2, tzinfo=UTC), "2027-11-21 03:00"),
        (datetime(2026, 10, 20, 2, tzinfo=UTC), "Tue 10-20 04:00 CEST"),
        (None, "-"),
    ],
)
def test_a_brief_time_has_its_year_and_zone_where_they_are_not_plain(
    monkeypatch: pytest.MonkeyPatch, due: datetime | None, shown: str
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert (brief(due, NOON), zone_name(NOON)) == (shown, "CET")
    finally:
        monkeypatch.undo()
        time.tzset()
