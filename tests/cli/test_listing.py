"""What the table of `sessions runs` says of a run."""

import contextlib
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from cli.main import app
from sessions.ledger import RunRow
from sessions.outcome import Outcome

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
#: As Prefect's scheduler makes them: together, and for hours ahead.
MADE_TOGETHER = ("01a1f85b-5fbb-7225-b9f1-f2577239399b", "01a1f85b-5fbb-7d0c-b1eb-590871e10d32")


def a_run(id_: str, **fields: object) -> RunRow:
    return RunRow.model_validate({"id": id_, "name": "door", "phase": "Completed", "slot_at": NOON} | fields)


def table(monkeypatch: pytest.MonkeyPatch, *rows: RunRow) -> str:
    async def read_ledger(*_: object, **__: object) -> list[RunRow]:
        return list(rows)

    monkeypatch.setattr("deployments.server.open_client", contextlib.nullcontext)
    monkeypatch.setattr("deployments.ledger.read_ledger", read_ledger)
    monkeypatch.setenv("COLUMNS", "200")
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
