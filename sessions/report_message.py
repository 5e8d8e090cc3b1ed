"""A report on its way out: its key, its words, its facts; and what is said when it did not get through."""

import hashlib
from collections.abc import Sequence

from pydantic import JsonValue

from sessions.channels.address import describe_target
from sessions.channels.base import Message, Receipt
from sessions.outcome import Outcome
from sessions.parameter_values import DeliveryTarget
from sessions.question_form import QuestionForm, render_form
from sessions.redaction import Redactor
from sessions.report import SessionReport, headline, render_report
from sessions.run_record import RunRecord
from sessions.safe_markdown import plain


def message_key(run_id: str, target: DeliveryTarget, purpose: str = "report") -> str:
    """The same for every attempt at one message to one target, in whichever process; says nothing of the target."""
    identity = f"{run_id}\n{purpose}\n{target.channel}\n{target.to}"
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def new_receipt(run_id: str, target: DeliveryTarget, purpose: str = "report") -> Receipt:
    """The receipt of a message that has not been tried yet. `purpose`: `report`, `alert` or `question-ID`."""
    described, (kind, _, _) = describe_target(target), purpose.partition("-")
    told = described if kind == "report" else f"{kind} to {described}"
    return Receipt(key=message_key(run_id, target, purpose), target=told, status="pending")


def build_message(report: SessionReport, target: DeliveryTarget, redact: Redactor) -> Message:
    """The report as it goes to `target`, without secrets."""
    return Message(
        key=message_key(report.run_id, target),
        title=redact(headline(report)),
        markdown=redact(render_report(report)),
        session=report.session,
        run_id=report.run_id,
        outcome=report.outcome,
        facts={name: redact.value(fact) for name, fact in _facts(report).items()},
    )


def _facts(report: SessionReport) -> dict[str, JsonValue]:
    return {
        "slot": report.slot_at.isoformat(),
        "started_at": report.started_at.isoformat(),
        "ended_at": report.ended_at.isoformat(),
        "duration_seconds": (report.ended_at - report.started_at).total_seconds(),
        "run_name": report.run_name,
        "reason": report.reason,
        "agent": report.agent,
        "runner": report.runner,
        "model": report.model,
        "turns": report.turns,
        "usage": report.usage.model_dump(),
        "cost_usd": report.cost_usd,
        "commits": [commit.model_dump() for commit in report.commits],
        "notes": list(report.notes),
        "report": report.full_report,
    }


def build_question(
    record: RunRecord, form: QuestionForm, how: str, target: DeliveryTarget, redact: Redactor
) -> Message:
    """What `target` is told when a run waits for a person; `how` says what a person does about it."""
    return Message(
        key=message_key(record.run_id, target, f"question-{form.id}"),
        title=redact(f"❓ {record.session}: needs an answer"),
        markdown=redact(f"# ❓ {plain(record.session)} asks\n\n{render_form(form)}\n\n{how}\n"),
        session=record.session,
        run_id=record.run_id,
        outcome=Outcome.NEEDS_INPUT,
        facts={
            "slot": record.slot_at.isoformat(),
            "run_name": record.run_name,
            "questions": [redact(question.question) for question in form.questions],
        },
    )


def build_alert(report: SessionReport, lost: Sequence[Receipt], target: DeliveryTarget, redact: Redactor) -> Message:
    """What `target` is told when a report did not get through: to whom, why, and the report itself."""
    message = build_message(report, target, redact)
    lines = [f"- {plain(receipt.target)}: {plain(receipt.detail) or 'not tried'}" for receipt in lost]
    intro = "The report of this run could not be delivered to:\n\n" + "\n".join(lines)
    return message.model_copy(
        update={
            "key": message_key(report.run_id, target, "alert"),
            "title": f"⚠️ {report.session}: the report could not be delivered",
            "markdown": redact(f"# Not delivered\n\n{intro}\n\n{message.markdown}"),
            "facts": {**message.facts, "undelivered": [redact(receipt.target) for receipt in lost]},
        }
    )
