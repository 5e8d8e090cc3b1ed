"""What a job and a session have in common, in a session's words: what is compared when one becomes the other."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ValidationError

from deployments.definitions import Definition, ScheduleEntry
from deployments.names import check_display_name, display_name_of, slug_of
from deployments.openclaw.job import AgentTurn, AtTime, CronTime, EveryTime, Job
from deployments.openclaw.targets import target_of
from sessions.errors import SpecError
from sessions.parameter_values import DeliveryTarget
from sessions.parameters import SLUG
from sessions.preparation import read_prompt
from sessions.schedule import CronSchedule, IntervalSchedule, MomentSchedule, Schedule, interval_fault
from sessions.spec import SessionSpec, parse_spec

MAIN = "main"
#: How long OpenClaw lets a job run that does not say.
DEFAULT_TIMEOUT_SECONDS = 600
_SHORTEST_MS = 60_000
_SECOND_MS = 1000


class SessionParts(BaseModel, frozen=True):
    """A session as far as OpenClaw knows such things.

    `display_name` is empty where it has none beside its name, and `model` for the agent's default.
    """

    display_name: str
    description: str
    schedule: Schedule
    suspended: bool
    prompt: str
    agent: str
    model: str
    timeout_seconds: int
    delete_after_run: bool
    delivery: list[DeliveryTarget]


def parts_of_job(job: Job, timezone: str) -> SessionParts:
    """The session that a job becomes.

    Args:
        job: in its normal form.
        timezone: the zone of OpenClaw's host, for jobs that name none; empty if it is not known.

    Raises:
        SpecError: it cannot be scheduled or delivered so.
    """
    target, _ = target_of(job.delivery)
    turn = job.payload if isinstance(job.payload, AgentTurn) else None
    seconds = turn.timeout_seconds if turn else None
    return SessionParts(
        display_name=job.name,
        description=job.description or job.name,
        schedule=_schedule(job, timezone),
        suspended=not job.enabled,
        prompt=_as_read(lead(job) + job.prompt),
        agent=agent_of(job.agent_id),
        model=(turn.model if turn else None) or "",
        timeout_seconds=DEFAULT_TIMEOUT_SECONDS if seconds is None else seconds,
        # For OpenClaw it means nothing to a job that is due again.
        delete_after_run=bool(job.delete_after_run) and isinstance(job.schedule, AtTime),
        delivery=[target] if target else [],
    )


def lead(job: Job) -> str:
    """What OpenClaw puts in front of a prompt."""
    return f"[cron:{job.id} {job.name}] " if isinstance(job.payload, AgentTurn) else ""


def display_name_for(job: Job) -> str:
    """The job's name, if a session may be called so; else empty."""
    with suppress(SpecError):
        return check_display_name(job.name)
    return ""


def agent_of(agent_id: str | None) -> str:
    """The session's agent: the same name, or the nearest that an agent may have here."""
    if not agent_id:
        return MAIN
    return agent_id if re.fullmatch(SLUG, agent_id) else slug_of(agent_id)


def _as_read(prompt: str) -> str:
    """The prompt without the spaces and line ends that a file does not keep."""
    return prompt.replace("\r\n", "\n").replace("\r", "\n").strip()


def _schedule(job: Job, timezone: str) -> Schedule:
    schedule = job.schedule
    try:
        if isinstance(schedule, AtTime):
            return MomentSchedule(at=datetime.fromisoformat(schedule.at.upper()).replace(microsecond=0).astimezone(UTC))
        if isinstance(schedule, EveryTime):
            return _interval(schedule, job.created_at_ms)
        return _cron(schedule, timezone)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise SpecError(f"schedule: {message}", field="schedule") from error


def _interval(schedule: EveryTime, created_at_ms: int) -> IntervalSchedule:
    millis, field = schedule.every_ms, "schedule.everyMs"
    if millis < _SHORTEST_MS:
        raise SpecError(f"{field}: is {millis}, under a minute; write {_SHORTEST_MS} or more", field=field)
    if millis % _SECOND_MS:
        raise SpecError(f"{field}: is {millis}, which is not whole seconds; write a multiple of 1000", field=field)
    anchor = created_at_ms if schedule.anchor_ms is None else schedule.anchor_ms
    since = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=anchor)
    if fault := interval_fault(timedelta(milliseconds=millis)):
        raise SpecError(f"{field}: {fault}", field=field)
    return IntervalSchedule(interval=timedelta(milliseconds=millis), anchor_date=since)


def _cron(schedule: CronTime, timezone: str) -> CronSchedule:
    zone = schedule.tz or timezone
    if not zone:
        message = "is missing, and the zone of this host has no name; say it with --timezone"
        raise SpecError(f"schedule.tz: {message}", field="schedule.tz")
    return CronSchedule(cron=schedule.expr, timezone=zone)


def parts_of_session(definition: Definition, entry: ScheduleEntry, root: Path) -> tuple[SessionParts, SessionSpec]:
    """One schedule of a definition, and all of its parameters.

    Raises:
        SpecError: a parameter is wrong, or the prompt cannot be read.
    """
    spec = parse_spec({**definition.parameters, **entry.parameters})
    parts = SessionParts(
        display_name=display_name_of(definition.tags, ""),
        description=definition.description or "",
        schedule=entry.schedule,
        suspended=entry.active is False,
        prompt=_as_read(read_prompt(spec, root)),
        agent=spec.agent,
        model=spec.model,
        timeout_seconds=spec.timeout_seconds,
        delete_after_run=spec.delete_after_run,
        delivery=spec.delivery,
    )
    return parts, spec
