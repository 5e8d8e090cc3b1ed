"""Reads a row of the store as OpenClaw does: spellings of earlier versions become those of the normal form."""

import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from pydantic import BaseModel, JsonValue

from deployments.openclaw.job import Job, parse_job
from deployments.openclaw.legacy_delivery import move_delivery
from deployments.openclaw.legacy_schedule import read_schedule
from deployments.openclaw.report import Note
from deployments.openclaw.row import Fields, Row, read_kind
from sessions.errors import SpecError
from sessions.redaction import Redactor

_DEEPEST = 20
_LONGEST_NAME = 60
_PAYLOAD_KINDS = {"agentturn": "agentTurn", "systemevent": "systemEvent"}
_TURN_FIELDS = ("message", "model", "timeoutSeconds", "thinking", "allowUnsafeExternalContent")
_NO_SECRETS = Redactor({})


class ReadJob(BaseModel, frozen=True):
    """A job in its normal form, and what was read in another spelling."""

    job: Job
    notes: list[Note]


def read_job(raw: JsonValue, *, now: datetime) -> ReadJob:
    """The job in one row of the store. What is in the normal form already comes out as it went in.

    Args:
        raw: the row.
        now: when a job that does not say so was made.

    Raises:
        SpecError: the row is no job; `field` says where.
    """
    _require_storable(raw)
    if not isinstance(raw, dict):
        raise SpecError("is not an object; a job begins with { and has a schedule and a payload")
    row = Row(dict(raw))
    steps: tuple[Callable[[Row], None], ...] = (
        _read_identity,
        read_schedule,
        _read_payload,
        move_delivery,
        _read_choices,
        _read_name,
    )
    for step in steps:
        step(row)
    _read_times(row, now)
    return ReadJob(job=parse_job(row.fields), notes=row.notes)


def _require_storable(raw: JsonValue) -> None:
    """Refuse what no file that stands in git should hold, or that JSON cannot."""
    for text in _texts(raw, depth=0):
        if _NO_SECRETS(text) != text:
            raise SpecError(
                f"holds what looks like a secret, in a text that begins with {_NO_SECRETS(text)[:20]!r}; a definition "
                "stands in git, so take it out and give it to the agent by the environment of the worker"
            )
    try:
        json.dumps(raw, allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise SpecError("holds half of a character (a lone surrogate); write the character anew") from error
    except ValueError as error:
        raise SpecError("holds NaN or Infinity, which is no number; write a number") from error


def _texts(value: JsonValue, *, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        raise SpecError(f"is nested more than {_DEEPEST} levels deep, which no job is; take out what does not belong")
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item, depth=depth + 1)


def _read_identity(row: Row) -> None:
    fields = row.fields
    row.rename(fields, "jobId", "id")
    row.strip(fields, "id", "agentId", "description")
    if not fields.get("id"):
        digest = sha256(json.dumps(fields, sort_keys=True).encode()).digest()
        fields["id"] = str(UUID(bytes=digest[:16], version=4))
        row.note("id", f"was missing; it is {fields['id']} now")


def _read_payload(row: Row) -> None:
    payload = row.fields.get("payload")
    if not isinstance(payload, dict):
        payload = _payload_at_top(row)
    payload = row.fields["payload"] = dict(payload)
    row.strip(payload, "model", "message", "text")
    if not payload.get("kind"):
        payload["kind"] = "agentTurn" if payload.get("message") else "systemEvent" if payload.get("text") else ""
        row.note("payload.kind", f"was missing; it is {payload['kind']} now")
    payload["kind"] = read_kind(payload["kind"], _PAYLOAD_KINDS, "payload.kind")
    if payload["kind"] == "agentTurn":
        for field in _TURN_FIELDS:
            row.move(row.fields, payload, field, "payload")
        row.strip(payload, "model", "message")
    else:
        row.move(row.fields, payload, "text", "payload")
    row.number(payload, "timeoutSeconds", "payload.timeoutSeconds")


def _payload_at_top(row: Row) -> Fields:
    for field, kind in (("message", "agentTurn"), ("text", "systemEvent")):
        text = row.fields.get(field)
        if isinstance(text, str) and text.strip():
            return {"kind": kind}
    raise SpecError("has no payload; give it {kind: agentTurn, message: …}", field="payload")


def _read_choices(row: Row) -> None:
    fields = row.fields
    if fields.get("enabled") is None:
        fields["enabled"] = True
    elif isinstance(fields["enabled"], str) and (word := fields["enabled"].strip().lower()) in ("true", "false"):
        row.note("enabled", f"{fields['enabled']!r} is read as {word}")
        fields["enabled"] = word == "true"
    row.lower(fields, "sessionTarget", "wakeMode")
    payload = fields["payload"]
    kind = payload.get("kind") if isinstance(payload, dict) else None
    if not fields.get("sessionTarget"):
        fields["sessionTarget"] = "main" if kind == "systemEvent" else "isolated"
    if not fields.get("wakeMode"):
        fields["wakeMode"] = "now"
    if fields.get("state") is None:
        fields["state"] = {}


def _read_name(row: Row) -> None:
    row.strip(row.fields, "name")
    if not row.fields.get("name"):
        row.fields["name"] = _made_name(row.fields)
        row.note("name", f"was missing; it is {row.fields['name']!r} now, made as OpenClaw does")


def _made_name(fields: Fields) -> str:
    payload, schedule = fields["payload"], fields["schedule"]
    text = (payload.get("message") or payload.get("text")) if isinstance(payload, dict) else None
    lines = [line.strip() for line in str(text or "").splitlines() if line.strip()]
    if lines:
        return _cut(lines[0], _LONGEST_NAME)
    if not isinstance(schedule, dict):
        return "Cron job"
    names = {"cron": f"Cron: {_cut(str(schedule.get('expr')), 52)}", "every": f"Every: {schedule.get('everyMs')}ms"}
    return names.get(str(schedule.get("kind")), "One-shot")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _read_times(row: Row, now: datetime) -> None:
    fields = row.fields
    for field in ("createdAtMs", "updatedAtMs"):
        row.number(fields, field, field)
    if fields.get("createdAtMs") is None:
        known = fields.get("updatedAtMs")
        fields["createdAtMs"] = math.floor(now.astimezone(UTC).timestamp() * 1000) if known is None else known
        row.note("createdAtMs", f"was missing; it is {fields['createdAtMs']} now")
    if fields.get("updatedAtMs") is None:
        fields["updatedAtMs"] = fields["createdAtMs"]
        row.note("updatedAtMs", f"was missing; it is {fields['updatedAtMs']} now")
