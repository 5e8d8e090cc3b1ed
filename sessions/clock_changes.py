"""What a change of the clocks does to a schedule: times that do not exist, and times that come twice.

Prefect counts an interval on a clock that changes in a way of its own: for days after the change it makes the slots of
both offsets, or leaves one out (ADR 0019). So an interval has no such clock here.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sessions.errors import SpecError
from sessions.schedule import CronSchedule, MomentSchedule, Schedule, parse_moment
from sessions.slots import WIDEST_CHANGE, changes_clocks, clock_times, cron_slot, is_skipped

LOOK_AHEAD = timedelta(days=366)
_HOUR = timedelta(hours=1)


def interval_zone_fault(timezone: str) -> str:
    """What is wrong with a time zone for a fixed interval, as a sentence; empty if nothing is."""
    if not changes_clocks(ZoneInfo(timezone)):
        return ""
    return (
        f"{timezone} changes its clocks, and an interval counts the time that passes; take timezone out, or write cron "
        "for a time of day"
    )


def moment_fault(rrule: str, timezone: str) -> str:
    """What is wrong with a recurrence rule that is to be one moment, as a sentence; empty if nothing is."""
    try:
        moment = parse_moment(rrule, timezone)
    except SpecError as error:
        return str(error)
    meant = rrule.partition(":")[2][:15]
    if moment.rrule.partition(":")[2][:15] == meant:
        return ""
    return f"{meant} does not exist in {timezone}, whose clocks skip it; give another time"


def clock_remarks(schedule: Schedule, after: datetime) -> list[str]:
    """What the next year's changes of the clock do to a schedule, a sentence for each change that does something.

    Args:
        schedule: as it is deployed; an interval has no clock.
        after: from when on (aware).
    """
    zone = ZoneInfo(schedule.timezone)
    if isinstance(schedule, MomentSchedule):
        local = schedule.at.astimezone(zone)
        twice = schedule.at > after and _comes_twice(local.replace(tzinfo=None), zone)
        return [f"{local:%Y-%m-%d %H:%M} comes twice in {zone}: due at {local:%H:%M %Z}"] if twice else []
    if not isinstance(schedule, CronSchedule):
        return []
    remarks = (_cron_remark(schedule, moment, zone) for moment in _changes(zone, after))
    return [remark for remark in remarks if remark]


def _changes(zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """The hours of the next year within which the clock of `zone` is changed, as their beginnings in UTC."""
    moment = after.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    until = moment + LOOK_AHEAD
    while moment < until:
        if moment.astimezone(zone).utcoffset() != (moment + _HOUR).astimezone(zone).utcoffset():
            yield moment
        moment += _HOUR


def _cron_remark(schedule: CronSchedule, hour: datetime, zone: ZoneInfo) -> str:
    """What becomes of the times that a change within an hour skips or repeats; empty if there are none."""
    around = hour.astimezone(zone).replace(tzinfo=None)
    times = clock_times(schedule.cron, around - WIDEST_CHANGE, around + WIDEST_CHANGE, day_or=schedule.day_or)
    skipped = [time for time in times if is_skipped(time, zone)]
    twice = [time for time in times if _comes_twice(time, zone)]
    if skipped:
        due = cron_slot(skipped[0], zone)
        return f"{_named(skipped)} does not exist in {zone}, where the clocks go forward: due at {due:%H:%M %Z} instead"
    if twice:
        return f"{_named(twice)} comes twice in {zone}, where the clocks go back: due the first time only"
    return ""


def _comes_twice(local: datetime, zone: ZoneInfo) -> bool:
    offsets = {local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}
    return len(offsets) > 1 and not is_skipped(local, zone)


def _named(times: list[datetime]) -> str:
    others = f" (and {len(times) - 1} more)" if len(times) > 1 else ""
    return f"{times[0]:%Y-%m-%d %H:%M}{others}"
