"""A run's record, folder and end, made up."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sessions.models import Usage
from sessions.run_folder import RunFolder
from sessions.run_record import RunRecord
from sessions.runners.base import AgentEnd, AgentRun, Stop
from sessions.spec import SessionSpec
from sessions.transcript import Entry

SLOT = datetime(2026, 11, 20, 2, tzinfo=UTC)
RUN_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def a_record(**fields: object) -> RunRecord:
    """The record of a run that was opened at its slot."""
    given = {
        "run_id": RUN_ID,
        "run_name": "doors · 2026-11-20 02:00 UTC",
        "session": "doors",
        "spec": SessionSpec(prompt="Look at the door."),
        "slot_at": SLOT,
        "opened_at": SLOT,
    }
    return RunRecord.model_validate(given | fields)


def a_folder(home: Path, **fields: object) -> RunFolder:
    """The same with its folder, saved."""
    path = home / "runs" / RUN_ID
    path.mkdir(parents=True, exist_ok=True)
    run = RunFolder(path, a_record(**fields))
    run.save()
    return run


def an_entry_of(kind: str, text: str = "", **fields: object) -> Entry:
    """One line of a transcript."""
    return Entry.model_validate({"kind": kind, "at": SLOT, "turn": 1, "text": text} | fields)


def an_agent_run(*entries: Entry, **fields: object) -> AgentRun:
    """What an agent did that said what is in `entries`."""
    given = {
        "stop": Stop.FINISHED,
        "final_text": "",
        "error": "",
        "transcript": entries,
        "turns": 1,
        "usage": Usage(),
        "cost_usd": 0.0,
        "denials": (),
        "agent_session_id": "s",
        "started_at": SLOT,
        "ended_at": SLOT + timedelta(minutes=1),
    }
    return AgentRun.model_validate(given | fields)


FINISHED = AgentEnd(stop=Stop.FINISHED, final_text="The door is green.")
