"""Schedules as Prefect's server has them, and back."""

from collections.abc import Sequence
from uuid import UUID

from prefect.client.schemas.actions import DeploymentScheduleUpdate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import SCHEDULE_TYPES
from prefect.client.schemas.schedules import CronSchedule as PrefectCron
from prefect.client.schemas.schedules import IntervalSchedule as PrefectInterval
from prefect.client.schemas.schedules import RRuleSchedule as PrefectRule

from deployments.definitions import ScheduleEntry
from sessions.errors import SpecError
from sessions.schedule import CronSchedule, IntervalSchedule, Schedule, parse_moment


def to_prefect(entry: ScheduleEntry) -> SCHEDULE_TYPES:
    """What `prefect deploy` makes of the entry: no zone stays no zone, which is UTC to the server."""
    if entry.cron is not None:
        return PrefectCron(cron=entry.cron, timezone=entry.timezone, day_or=entry.day_or is not False)
    schedule = entry.schedule
    if isinstance(schedule, IntervalSchedule):
        anchor = {"anchor_date": schedule.anchor_date} if schedule.anchor_date else {}
        return PrefectInterval(interval=schedule.interval, timezone=entry.timezone, **anchor)
    return PrefectRule(rrule=entry.rrule or "", timezone=entry.timezone)


def from_prefect(schedule: SCHEDULE_TYPES) -> Schedule | None:
    """The schedule of a deployment on the server; None for a recurrence rule made elsewhere."""
    if isinstance(schedule, PrefectCron):
        return CronSchedule(cron=schedule.cron, timezone=schedule.timezone or "UTC", day_or=schedule.day_or)
    if isinstance(schedule, PrefectInterval):
        return IntervalSchedule(
            interval=schedule.interval, anchor_date=schedule.anchor_date, timezone=schedule.timezone or "UTC"
        )
    try:
        return parse_moment(schedule.rrule, schedule.timezone or "UTC") if isinstance(schedule, PrefectRule) else None
    except SpecError:
        return None


def updated_schedules(
    entries: Sequence[ScheduleEntry], existing: Sequence[DeploymentSchedule]
) -> list[DeploymentScheduleUpdate]:
    """The schedules of a definition for a deployment that is there already.

    One that was suspended stays so, and if all were, so are the new ones; else a new one begins as its entry says. An
    interval without an anchor keeps the one that it has been counted from.
    """
    all_suspended = bool(existing) and not any(schedule.active for schedule in existing)
    updates = []
    for entry in entries:
        before = _before(entry, existing)
        update = DeploymentScheduleUpdate(
            schedule=_with_anchor_of(before, to_prefect(entry), entry), parameters=entry.parameters
        )
        if entry.slug:
            update.slug = entry.slug
        if all_suspended or (not before.active if before else entry.active is False):
            update.active = False
        updates.append(update)
    return updates


def are_as_before(updates: Sequence[DeploymentScheduleUpdate], existing: Sequence[DeploymentSchedule]) -> bool:
    """Whether an update of a deployment's schedules would change none of them.

    Sent all the same, it would make the server say that they were changed now, and so nobody could tell any more
    whether a slot before was due.
    """
    left = list(existing)
    for update in updates:
        same = next((item for item in left if _is_as_before(update, item)), None)
        if same is None:
            return False
        left.remove(same)
    return not left


def _is_as_before(update: DeploymentScheduleUpdate, item: DeploymentSchedule) -> bool:
    alike = (update.schedule, update.parameters or {}, update.slug) == (item.schedule, item.parameters, item.slug)
    return alike and update.active in (None, item.active)


def leftover_ids(entries: Sequence[ScheduleEntry], existing: Sequence[DeploymentSchedule]) -> list[UUID]:
    """The schedules on the server that an update would leave behind, to be deleted before it.

    Prefect replaces all of them unless each has a slug, there and in the definition; with slugs it only adds and
    changes, so that a renamed one would go on firing beside its successor.
    """
    slugs = {entry.slug for entry in entries}
    slugged = all(schedule.slug for schedule in existing)
    if entries and not slugged:
        return []
    return [schedule.id for schedule in existing if None in slugs or schedule.slug not in slugs]


def _before(entry: ScheduleEntry, existing: Sequence[DeploymentSchedule]) -> DeploymentSchedule | None:
    """What the entry was on the server: the schedule of its slug, else one that is due at the same times."""
    named = [schedule for schedule in existing if entry.slug and schedule.slug == entry.slug]
    alike = [schedule for schedule in existing if _same_times(entry, schedule.schedule)]
    return next(iter([*named, *alike]), None)


def _same_times(entry: ScheduleEntry, existing: SCHEDULE_TYPES) -> bool:
    wanted, there = entry.schedule, from_prefect(existing)
    if isinstance(wanted, IntervalSchedule) and isinstance(there, IntervalSchedule) and not wanted.anchor_date:
        wanted = wanted.model_copy(update={"anchor_date": there.anchor_date})
    return wanted == there


def _with_anchor_of(
    before: DeploymentSchedule | None, schedule: SCHEDULE_TYPES, entry: ScheduleEntry
) -> SCHEDULE_TYPES:
    if (
        isinstance(schedule, PrefectInterval)
        and not entry.anchor_date
        and before
        and _same_times(entry, before.schedule)
    ):
        return before.schedule
    return schedule
