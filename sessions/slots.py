"""Counts the slots of a schedule as Prefect's scheduler does, also where the clocks change.

- A cron time that the clocks skip comes an hour earlier or later than it says, whichever Prefect makes of it on this
  Python; one that they repeat comes the first time only, so an hourly cron schedule pauses for two hours then.
- An interval in a zone whose clocks change is what a definition may not have (ADR 0019). Where a server holds one, it
  counts the time that passes if it is under a day, and else keeps the hour of the day.
- One moment that the clocks skip comes an hour earlier.
"""

import itertools
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from croniter import croniter

#: Prefect counts with pendulum there, and with whenever on later Pythons; they differ where the clocks change.
_PENDULUM = sys.version_info < (3, 13)
#: No clock is changed by more than that, but for a few islands that once changed their day.
WIDEST_CHANGE = timedelta(hours=3)
#: Whether a zone changes its clocks is looked up week by week; some do so for four weeks a year only.
_LOOKED_AT = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(weeks=week) for week in range(522)]


@cache
def changes_clocks(zone: ZoneInfo) -> bool:
    """Whether the clocks of a zone are changed in the ten years from 2026 on."""
    return len({moment.astimezone(zone).utcoffset() for moment in _LOOKED_AT}) > 1


def is_skipped(local: datetime, zone: ZoneInfo) -> bool:
    """Whether the clock of `zone` never shows the naive `local`, since it is put forward over it."""
    return local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local


def on_the_clock(local: datetime, zone: ZoneInfo, *, fold: int = 0, back: bool = False) -> datetime:
    """The moment at which the clock of `zone` shows the naive `local`.

    Args:
        local: what the clock shows.
        zone: where it hangs.
        fold: which one of a time that comes twice, 0 or 1.
        back: a time that the clocks skip goes back by the gap, and not on.
    """
    moment = local.replace(tzinfo=zone, fold=fold)
    if not is_skipped(local, zone):
        return moment
    # With fold 1, Python reads a skipped time by the offset after the gap, which is the earlier moment.
    return moment.replace(fold=int(back)).astimezone(UTC).astimezone(zone)


def cron_slots(expression: str, after: datetime, zone: ZoneInfo, *, day_or: bool) -> Iterator[datetime]:
    """When the clock of `zone` matches, from about `after` on, in order and without end."""
    times = croniter(expression, after.astimezone(zone).replace(tzinfo=None), day_or=day_or)
    held: list[datetime] = []
    while True:
        held.append(cron_slot(times.get_next(datetime), zone))
        # A time that the clocks will skip may be due earlier than one before it.
        if not _goes_forward_after(held[-1], zone):
            yield from sorted(held, key=datetime.timestamp)
            held.clear()


def _goes_forward_after(moment: datetime, zone: ZoneInfo) -> bool:
    if not changes_clocks(zone):
        return False
    utc = moment.astimezone(UTC)
    offsets = [each.astimezone(zone).utcoffset() or timedelta() for each in (utc, utc + WIDEST_CHANGE)]
    return offsets[0] < offsets[1]


def cron_slot(local: datetime, zone: ZoneInfo) -> datetime:
    """When a cron schedule is due that matches the naive `local`."""
    return on_the_clock(local, zone, back=_PENDULUM)


def clock_times(expression: str, after: datetime, until: datetime, *, day_or: bool) -> list[datetime]:
    """What a clock shows when it matches, after one naive moment and up to another, whether or not that exists."""
    times = croniter(expression, after, day_or=day_or)
    return list(itertools.takewhile(lambda time: time <= until, iter(lambda: times.get_next(datetime), None)))


def _one_interval_later(moment: datetime, interval: timedelta, zone: ZoneInfo) -> datetime:
    # Days are counted on the clock, and what is left of them as time that passes; pendulum does both on the clock.
    by_clock = interval if _PENDULUM and interval.days else timedelta(days=interval.days)
    if by_clock:
        moment = on_the_clock(moment.replace(tzinfo=None, fold=0) + by_clock, zone, fold=int(_PENDULUM))
    return (moment.astimezone(UTC) + (interval - by_clock)).astimezone(zone)


def _plain(moment: datetime) -> datetime:
    # Prefect's client gives moments of pendulum, whose differences cannot be divided.
    return datetime.combine(moment.date(), moment.timetz())


def interval_slots(interval: timedelta, anchor: datetime, after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Every `interval` from `anchor`, from about `after` on, without end."""
    whole = int((_plain(after) - _plain(anchor)) / interval)
    moment = (anchor.astimezone(UTC) + whole * interval).astimezone(zone)
    while True:
        yield moment
        moment = _one_interval_later(moment, interval, zone)
