"""Composes a run's report from its own files, and keeps it with the run."""

from datetime import datetime

from sessions.agent_work import model_of
from sessions.learned import Learned
from sessions.redaction import process_redactor
from sessions.report import CommittedWork, SessionReport, render_report
from sessions.run_folder import RunFolder, is_too_old
from sessions.run_record import RunRecord, Step
from sessions.runners.base import AgentRun
from sessions.settings import Settings
from sessions.workspace.base import CommitResult

#: A commit's first line is not folded by the tools that show it.
SUBJECT_CHARACTERS = 72
_UNDONE = {"extracted": "remembered", "published": "shown in Prefect"}


def write_report(
    run: RunFolder, agent_run: AgentRun, learned: Learned, *, settings: Settings, now: datetime
) -> SessionReport:
    """The report of a run whose outcome is known; also written to `report.md` in its folder.

    Raises:
        RunFolderError: the disk does not take it.
    """
    run.record.cost_usd = agent_run.cost_usd + learned.cost_usd
    report = compose_report(run, agent_run, learned, settings=settings, now=now)
    run.write(run.report_path, process_redactor()(render_report(report)))
    run.mark("reported", now)
    return report


def compose_report(
    run: RunFolder, agent_run: AgentRun, learned: Learned, *, settings: Settings, now: datetime
) -> SessionReport:
    """The report from the record, the transcript and what was learned.

    Raises:
        ValueError: the run has no outcome yet.
    """
    record, spec = run.record, run.record.spec
    if record.outcome is None:
        raise ValueError(f"run {record.run_id} has no outcome yet")
    model = model_of(record, settings)
    return SessionReport(
        session=record.session,
        run_id=record.run_id,
        run_name=record.run_name,
        slot_at=record.slot_at,
        started_at=record.opened_at,
        ended_at=agent_run.ended_at,
        outcome=record.outcome,
        reason=record.reason,
        agent=spec.agent,
        runner=spec.runner,
        model=model.id if model else spec.model,
        final_text=agent_run.final_text,
        turns=agent_run.turns,
        usage=agent_run.usage,
        cost_usd=agent_run.cost_usd,
        extraction_cost_usd=learned.cost_usd,
        denials=agent_run.denials,
        questions=tuple(record.questions),
        learned=tuple(learned.observations),
        learned_in_short=learned.summary(),
        journal=learned.journal,
        commits=tuple(_committed(result) for result in record.commits if result.is_news),
        notes=tuple(_note(step, why, record, now) for step, why in record.notes.items()),
        delivery=record.delivery,
        receipts=tuple(record.receipts),
        full_report=str(run.report_path),
        workflow=f"{record.workflow.name}, {record.workflow.source}" if record.workflow else "",
    )


def _note(step: Step, why: str, record: RunRecord, now: datetime) -> str:
    """What is not done, what becomes of it, and why."""
    given_up = "given up, and kept for `sessions memory retry`" if step in ("extracted", "remembered") else "given up"
    outlook = given_up if is_too_old(record, now) else "the next run tries again"
    return f"Not {_UNDONE.get(step, step)} yet; {outlook}: {why}"


def _committed(result: CommitResult) -> CommittedWork:
    return CommittedWork(
        repo=result.name,
        branch=result.branch,
        sha=result.commits[-1].sha if result.commits else "",
        pushed=result.status in ("pushed", "set_aside"),
        note=result.sentence(),
    )


def commit_message(record: RunRecord, learned: Learned) -> str:
    """The message of the commit that keeps the agent's changes: what the run was about, in its own words."""
    theme = learned.journal.theme if learned.journal else ""
    subject = " ".join((theme or f"Changes of {record.session}").split())
    body = learned.journal.built if learned.journal else ""
    return f"{subject[:SUBJECT_CHARACTERS]}\n\n{body}".strip()
