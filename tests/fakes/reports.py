"""A report of a run that did a bit of everything."""

from datetime import UTC, datetime, timedelta

from sessions.memory.base import JournalEntry, Observation, Source
from sessions.models import Usage
from sessions.outcome import Outcome
from sessions.report import CommittedWork, SessionReport
from sessions.runners.base import Denial

RUN_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
STARTED = datetime(2026, 11, 3, 1, 0, tzinfo=UTC)


def full_report(**changes: object) -> SessionReport:
    observation = Observation(
        id="o1",
        agent="main",
        text="sessions/report.py has 230 lines",
        quote="230 sessions/report.py",
        event_at=STARTED,
        created_at=STARTED,
        source=Source(run=RUN_ID),
    )
    journal = JournalEntry(
        id=RUN_ID, agent="main", session="nightly-code-health", at=STARTED, theme="long files", next="split report.py"
    )
    report = SessionReport(
        session="nightly-code-health",
        run_id=RUN_ID,
        run_name="nightly-code-health · 2026-11-03 01:00",
        slot_at=STARTED,
        started_at=STARTED,
        ended_at=STARTED + timedelta(seconds=83),
        outcome=Outcome.COMPLETED,
        reason="the agent finished after 5 turns",
        runner="claude-agent-sdk",
        model="claude-sonnet-4-5",
        final_text="# What got worse\n\nTwo files are **too long**.",
        turns=5,
        usage=Usage(input_tokens=12345, output_tokens=678, cache_read_tokens=9),
        cost_usd=0.0421,
        denials=(Denial(tool="Bash", arguments={"command": "rm -rf `pwd`"}),),
        learned=(observation,),
        journal=journal,
        commits=(CommittedWork(repo="app", branch="main", sha="6e0d600c9f1c2b3a4d5e6f70", pushed=True),),
        notes=("Not remembered yet; the next run tries again: the disk is full",),
        full_report="/home/ann/sessions/runs/0f8f/report.md",
    )
    return report.model_copy(update=changes)
