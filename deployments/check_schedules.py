"""When a session is due, and what its schedules bring of their own: checked before it is deployed."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from pydantic import ValidationError

from deployments.definitions import ScheduleEntry
from deployments.documents import Location
from deployments.problems import Finding
from sessions.schedule import IntervalSchedule, MomentSchedule

#: What is read from the session and not from a run: as a parameter of one schedule it would do nothing, or by halves.
OF_THE_SESSION = (
    "starting_deadline_seconds",
    "backoff_seconds",
    "delete_after_run",
    "keep_successful",
    "keep_failed",
)


def check_schedules(raw: Mapping[str, object], now: datetime) -> Iterator[Finding]:
    """What is wrong with the schedules of one deployment, beside their form.

    Args:
        raw: the deployment as it stands in a definition.
        now: by which a moment is past, and from which an interval may be counted.
    """
    schedules = raw.get("schedules")
    if not schedules:
        yield Finding(("schedules",), "is empty; the session runs only when it is triggered", "warning")
    slugs: dict[object, int] = {}
    for index, entry in enumerate(schedules if isinstance(schedules, list) else []):
        if not isinstance(entry, dict):
            continue
        if (slug := entry.get("slug")) and slugs.setdefault(str(slug), index) != index:
            yield Finding(("schedules", index, "slug"), f"{slug!r} is the slug of another schedule; give it its own")
        yield from _check_timing(entry, ("schedules", index), now)
    yield from _check_rules_of_the_session(raw)
    yield from _check_deletion(raw)


def own_parameters(raw: Mapping[str, object]) -> Iterator[tuple[int, Mapping[str, object]]]:
    """The parameters that single schedules bring, by the position of the schedule."""
    schedules = raw.get("schedules")
    for index, entry in enumerate(schedules if isinstance(schedules, list) else []):
        own = entry.get("parameters") if isinstance(entry, dict) else None
        if isinstance(own, dict) and own:
            yield index, own


def _check_timing(entry: Mapping[str, object], location: Location, now: datetime) -> Iterator[Finding]:
    try:
        schedule = ScheduleEntry.model_validate(entry, strict=True).schedule
    except ValidationError:
        return  # already found
    if isinstance(schedule, MomentSchedule) and schedule.at <= now:
        yield Finding((*location, "rrule"), f"is past: {schedule.expr}; it never comes again", "warning")
    if isinstance(schedule, IntervalSchedule) and schedule.anchor_date is None:
        message = f'has no moment to be counted from; add anchor_date: "{now.replace(microsecond=0).isoformat()}"'
        yield Finding((*location, "interval"), message)


def _check_rules_of_the_session(raw: Mapping[str, object]) -> Iterator[Finding]:
    for index, own in own_parameters(raw):
        for name in own:
            if name in OF_THE_SESSION:
                message = "is a rule of the session, which all its schedules share; move it to the session's parameters"
                yield Finding(("schedules", index, "parameters", name), message)


def _check_deletion(raw: Mapping[str, object]) -> Iterator[Finding]:
    parameters, schedules = raw.get("parameters"), raw.get("schedules")
    if not isinstance(parameters, dict) or parameters.get("delete_after_run") is not True:
        return
    entries = schedules if isinstance(schedules, list) else []
    if not entries or not all(isinstance(entry, dict) and "rrule" in entry for entry in entries):
        message = (
            "is for a session that is due once; give it `rrule` schedules only (`sessions new --at`), or take it out"
        )
        yield Finding(("parameters", "delete_after_run"), message)
