"""Earlier runs of an agent, from the records that they left in `SESSIONS_HOME`."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel

from sessions.errors import RunFolderError
from sessions.outcome import Outcome
from sessions.run_folder import read_record, runs_folder
from sessions.run_record import RunRecord
from sessions.unlearned import owes_learning

#: So many records are looked at, the last written ones first: retention keeps few, and skipped runs are many.
MOST_RECORDS = 300


class PastRun(BaseModel, frozen=True):
    """What an earlier run came to.

    `worked` says that an agent did; `remembered` that nothing of it waits to be learned. `not_pushed` says of each
    repository what is kept and not pushed, or left out.
    """

    run_id: str
    session: str
    slot_at: AwareDatetime
    outcome: Outcome | None = None
    reason: str = ""
    cost_usd: float = 0.0
    worked: bool = True
    remembered: bool = True
    not_pushed: tuple[str, ...] = ()


def past_runs(home: Path, *, agent: str, before: datetime, besides: str = "") -> list[PastRun]:
    """The runs of `agent` that were opened before a moment, newest slot first.

    Args:
        home: the local state, `Settings.home`. Runs of other machines count where they share it.
        agent: whose.
        before: when the run was opened for which somebody asks.
        besides: the id of that run.
    """
    found = (record for record in _records(home, agent) if record.run_id != besides and record.opened_at < before)
    return sorted(map(_past_run, found), key=lambda run: (run.slot_at, run.run_id), reverse=True)


def _records(home: Path, agent: str) -> Iterator[RunRecord]:
    for path in _newest_folders(runs_folder(home)):
        try:
            record = read_record(path)
        except RunFolderError:
            # Just being made or deleted, or not a run at all.
            continue
        if record.spec.agent == agent:
            yield record


def _newest_folders(runs: Path) -> list[Path]:
    written: list[tuple[float, str]] = []
    for entry in os.scandir(runs) if runs.is_dir() else ():
        try:
            written.append((os.stat(f"{entry.path}/run.json").st_mtime, entry.path))  # noqa: PTH116 - a third of the time
        except OSError:
            continue
    return [Path(path) for _, path in sorted(written, reverse=True)[:MOST_RECORDS]]


def _past_run(record: RunRecord) -> PastRun:
    return PastRun(
        run_id=record.run_id,
        session=record.session,
        slot_at=record.slot_at,
        outcome=record.outcome,
        reason=record.reason,
        cost_usd=record.cost_usd,
        worked=record.done("agent_ended"),
        remembered=not owes_learning(record),
        not_pushed=tuple(result.sentence() for result in record.commits if result.status == "kept" or result.left_out),
    )
