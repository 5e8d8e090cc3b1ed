"""A session as a job of OpenClaw: made anew, or as it was imported with what was changed since."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from pydantic import JsonValue

from deployments.openclaw.job import AgentTurn, Job, parse_job
from deployments.openclaw.parts import MAIN, SessionParts, lead
from deployments.openclaw.report import Note
from deployments.openclaw.targets import delivery_of
from sessions.errors import ModelError, SpecError
from sessions.models import find_model
from sessions.schedule import CronSchedule, IntervalSchedule, Schedule

_NAMESPACE = uuid5(NAMESPACE_URL, "scheduled-sessions/openclaw")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Fields = dict[str, JsonValue]


def new_job(parts: SessionParts, *, key: str, changed_at_ms: int) -> tuple[Job, list[Note]]:
    """A job for a session that did not come from OpenClaw.

    Args:
        parts: what it is called and does.
        key: what its id is made of, so that it has the same one in every export.
        changed_at_ms: when its definition was last changed.

    Raises:
        SpecError: OpenClaw has no such schedule.
    """
    document: _Fields = {"id": str(uuid5(_NAMESPACE, key))}
    notes: list[Note] = []
    for write in _SETTERS.values():
        notes += write(document, parts)
    document |= {"createdAtMs": changed_at_ms, "updatedAtMs": changed_at_ms}
    document |= {"sessionTarget": "isolated", "wakeMode": "now", "state": {}}
    return parse_job(document), notes


def rebuild_job(job: Job, was: SessionParts, now: SessionParts, *, changed_at_ms: int) -> tuple[Job, list[Note]]:
    """The job as it was imported, with what its definition says by now.

    Args:
        job: as it was imported.
        was: what it was then, as a session.
        now: what the definition says.
        changed_at_ms: when the definition was last changed.

    Raises:
        SpecError: OpenClaw has no such schedule.
    """
    document, notes = job.document, list[Note]()
    changed = [field for field in _SETTERS if getattr(was, field) != getattr(now, field)]
    for field in changed:
        if isinstance(job.payload, AgentTurn) or field not in _OF_TURNS:
            notes += _SETTERS[field](document, _without_lead(job, now))
        else:
            message = "is left out: a job for the main conversation has no place for it"
            notes.append(Note(field=field, message=message))
    if changed:
        document["updatedAtMs"] = changed_at_ms
    return parse_job(document), notes


def _without_lead(job: Job, parts: SessionParts) -> SessionParts:
    return parts.model_copy(update={"prompt": parts.prompt.removeprefix(lead(job))})


def _set_name(document: _Fields, parts: SessionParts) -> list[Note]:
    document["name"] = parts.display_name
    return []


def _set_description(document: _Fields, parts: SessionParts) -> list[Note]:
    document.pop("description", None)
    if parts.description.strip():
        document["description"] = parts.description
    return []


def _set_schedule(document: _Fields, parts: SessionParts) -> list[Note]:
    document["schedule"], notes = _spoken(parts.schedule)
    return notes


def _spoken(schedule: Schedule) -> tuple[_Fields, list[Note]]:
    if isinstance(schedule, CronSchedule):
        if not schedule.day_or:
            message = "`day_or: false` has no counterpart: to OpenClaw a day matches by either field; name days by one"
            raise SpecError(message, field="schedules")
        return {"kind": "cron", "expr": schedule.cron, "tz": schedule.timezone}, []
    if isinstance(schedule, IntervalSchedule):
        return _spoken_interval(schedule)
    return {"kind": "at", "at": schedule.at.astimezone(UTC).isoformat().replace("+00:00", "Z")}, []


def _spoken_interval(schedule: IntervalSchedule) -> tuple[_Fields, list[Note]]:
    fields: _Fields = {"kind": "every", "everyMs": _millis(schedule.interval)}
    notes = []
    if schedule.anchor_date:
        fields["anchorMs"] = _millis(schedule.anchor_date - _EPOCH)
    if schedule.timezone != "UTC" and schedule.interval >= timedelta(days=1):
        message = f"OpenClaw counts the time that passes: the hour in {schedule.timezone} moves with the clocks"
        notes.append(Note(field="schedules.timezone", message=message))
    return fields, notes


def _millis(time: timedelta) -> int:
    return time // timedelta(milliseconds=1)


def _set_enabled(document: _Fields, parts: SessionParts) -> list[Note]:
    document["enabled"] = not parts.suspended
    return []


def _set_agent(document: _Fields, parts: SessionParts) -> list[Note]:
    document.pop("agentId", None)
    if parts.agent != MAIN:
        document["agentId"] = parts.agent
    return []


def _payload(document: _Fields) -> _Fields:
    """The payload, which may be changed; without one, that of a run of its own."""
    there = document.get("payload")
    payload: _Fields = dict(there) if isinstance(there, dict) else {"kind": "agentTurn"}
    document["payload"] = payload
    return payload


def _set_prompt(document: _Fields, parts: SessionParts) -> list[Note]:
    payload = _payload(document)
    payload["message" if payload["kind"] == "agentTurn" else "text"] = parts.prompt
    return []


def _set_model(document: _Fields, parts: SessionParts) -> list[Note]:
    payload = _payload(document)
    payload.pop("model", None)
    if parts.model:
        payload["model"] = _with_provider(parts.model)
    return []


def _with_provider(model: str) -> str:
    if "/" in model:
        return model
    try:
        return f"{find_model(model).provider}/{model}"
    except ModelError:  # one of the project's own, which OpenClaw may know
        return model


def _set_timeout(document: _Fields, parts: SessionParts) -> list[Note]:
    _payload(document)["timeoutSeconds"] = parts.timeout_seconds
    return []


def _set_delete(document: _Fields, parts: SessionParts) -> list[Note]:
    document["deleteAfterRun"] = parts.delete_after_run
    return []


def _set_delivery(document: _Fields, parts: SessionParts) -> list[Note]:
    delivery, notes = delivery_of(parts.delivery)
    if document.get("sessionTarget") == "main" and delivery.mode == "announce":
        message = "is left out: OpenClaw takes no announcement from the main conversation"
        return [*notes, Note(field="delivery", message=message)]
    document["delivery"] = delivery.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return notes


#: What writes each part of a session into a job.
_SETTERS: dict[str, Callable[[_Fields, SessionParts], list[Note]]] = {
    "display_name": _set_name,
    "description": _set_description,
    "schedule": _set_schedule,
    "suspended": _set_enabled,
    "agent": _set_agent,
    "prompt": _set_prompt,
    "model": _set_model,
    "timeout_seconds": _set_timeout,
    "delete_after_run": _set_delete,
    "delivery": _set_delivery,
}
_OF_TURNS = ("model", "timeout_seconds")
