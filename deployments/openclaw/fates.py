"""What becomes of the fields of a job that a session has no exact counterpart for."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from pydantic import BaseModel, JsonValue

from deployments.definitions import LONGEST_NAME
from deployments.openclaw.job import AgentTurn, AtTime, CronTime, Job
from deployments.openclaw.parts import DEFAULT_TIMEOUT_SECONDS, agent_of, display_name_for
from deployments.openclaw.report import Note
from deployments.openclaw.targets import target_of, unused_fields

#: Fields that are in later versions, or that mean nothing to a session.
_UNKNOWN = "has no place in a session"
_KNOWN_EXTRAS = {
    "schedule.staggerMs": "the session runs at the exact time; OpenClaw spreads such jobs over some minutes",
    "schedule.cron": "stands beside schedule.expr, which counts",
    "payload.thinking": "is a level of thinking, and a session thinks or does not: write `thinking: true`, and for "
    "Claude `temperature: 1` beside it",
    "payload.allowUnsafeExternalContent": "has no place in a session",
    "delivery.accountId": "the session sends through the one account of its environment",
    "sessionKey": "the run has a conversation of its own",
    "isolation": "is not read by OpenClaw any more",
}


def fates_of(job: Job, *, name: str, timezone: str, now: datetime) -> list[Note]:
    """What a person should know of a job that becomes the session `name`.

    Args:
        job: in its normal form.
        name: of the session.
        timezone: the zone of OpenClaw's host.
        now: by which a moment is past.
    """
    return [*_of_time(job, name, timezone, now), *_of_run(job), *_of_end(job, name), *_of_extras(job)]


def _of_time(job: Job, name: str, timezone: str, now: datetime) -> Iterator[Note]:
    schedule = job.schedule
    if isinstance(schedule, CronTime) and not schedule.tz:
        yield Note(field="schedule.tz", message=f"is missing, which means the host's zone; {timezone} is written")
    if isinstance(schedule, AtTime):
        yield from _of_moment(datetime.fromisoformat(schedule.at.upper()), job, name, now)
    if not job.enabled:
        yield Note(field="enabled", message=f"is false: it begins suspended; `sessions resume {name}` starts it")
    if job.wake_mode == "next-heartbeat":
        yield Note(field="wakeMode", message="there is no heartbeat to wait for; the run starts at its time")


def _of_moment(at: datetime, job: Job, name: str, now: datetime) -> Iterator[Note]:
    if at.microsecond:
        yield Note(field="schedule.at", message="is cut to the whole second")
    if at > now:
        return
    if job.enabled and job.state.get("lastRunAtMs") is None:
        message = f"is past and it has never run: still due for OpenClaw, not here; `sessions trigger {name}` runs it"
    else:
        message = "is past; it does not come again"
    yield Note(field="schedule.at", message=message)


def _of_run(job: Job) -> Iterator[Note]:
    if job.session_target == "main":
        message = "runs isolated: its text is the prompt of a run of its own, apart from the main conversation"
        yield Note(field="sessionTarget", message=message)
    if not display_name_for(job):
        yield Note(field="name", message=f"cannot be a display name, which has at most {LONGEST_NAME} characters")
    if job.agent_id and agent_of(job.agent_id) != job.agent_id:
        yield Note(field="agentId", message=f"{job.agent_id!r} is called {agent_of(job.agent_id)} here")
    if isinstance(job.payload, AgentTurn) and job.payload.timeout_seconds is None:
        message = f"is missing; OpenClaw's {DEFAULT_TIMEOUT_SECONDS} are written"
        yield Note(field="payload.timeoutSeconds", message=message)
    if job.delete_after_run and not isinstance(job.schedule, AtTime):
        yield Note(field="deleteAfterRun", message="means nothing to a job that is due again")


def _of_end(job: Job, name: str) -> Iterator[Note]:
    # A system event speaks in the main conversation; only a run of its own has somebody to answer.
    if job.session_target == "isolated" or job.delivery:
        _, why_not = target_of(job.delivery)
        if why_not:
            yield Note(field="delivery", message=why_not)
    for field, why in unused_fields(job.delivery).items():
        yield Note(field=field, message=why)
    if job.notify:
        message = "OpenClaw posts the end to its own cron.webhook; add {channel: webhook, to: …} under `delivery:`"
        yield Note(field="notify", message=message)
    if last := _last_run(job.state):
        yield Note(field="state", message=f"{last}; `sessions runs {name}` counts its own")


def _last_run(state: dict[str, JsonValue]) -> str:
    at, status, errors = (state.get(key) for key in ("lastRunAtMs", "lastStatus", "consecutiveErrors"))
    if not isinstance(at, int | float) or isinstance(at, bool):
        return ""
    try:
        when = f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        when = str(at)
    many = f", {errors} errors in a row" if errors else ""
    return f"OpenClaw ran it last at {when}: {status or 'unknown'}{many}"


def _extras(job: Job) -> list[str]:
    """Fields that are not in the normal form, with their place."""
    parts: dict[str, BaseModel | None] = {
        "": job,
        "schedule.": job.schedule,
        "payload.": job.payload,
        "delivery.": job.delivery,
    }
    return [place + field for place, part in parts.items() if part for field in part.model_extra or {}]


def _of_extras(job: Job) -> Iterator[Note]:
    for field in _extras(job):
        yield Note(field=field, message=_KNOWN_EXTRAS.get(field, _UNKNOWN))


_KEPT: dict[str, Callable[[Job], bool]] = {
    "id": lambda _: True,
    "name": lambda job: bool(job.description) and not display_name_for(job),
    "createdAtMs": lambda _: True,
    "updatedAtMs": lambda _: True,
    "sessionTarget": lambda _: True,
    "wakeMode": lambda _: True,
    "agentId": lambda job: bool(job.agent_id) and agent_of(job.agent_id) != job.agent_id,
    "delivery": lambda job: job.delivery is not None and target_of(job.delivery)[0] is None,
    "deleteAfterRun": lambda job: bool(job.delete_after_run) and not isinstance(job.schedule, AtTime),
    "notify": lambda job: job.notify is not None,
    "state": lambda job: bool(job.state),
}


def kept_fields(job: Job) -> list[str]:
    """What a session does not hold, so that only the file beside it does."""
    return [*(field for field, is_kept in _KEPT.items() if is_kept(job)), *unused_fields(job.delivery), *_extras(job)]
