"""Counts the slots of a schedule as Prefect's scheduler does, also where the clocks change.

- A cron time that the clocks skip comes an hour earlier or later than it says, whichever Prefect makes of it on this
  Python; one that they repeat comes the first time only, so an hourly cron schedule pauses for two hours then.
- An interval under a day counts the time that passes; one of days keeps the hour of the day.
- One moment that the clocks skip comes an hour earlier.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

#: Prefect counts with pendulum there, and with whenever on later Pythons; they differ where the clocks change.
_PENDULUM = sys.version_info < (3, 13)


def on_the_clock(local: datetime, zone: ZoneInfo, *, fold: int = 0, back: bool = False) -> datetime:
    """The moment at which the clock of `zone` shows the naive `local`.

    Args:
        local: what the clock shows.
        zone: where it hangs.
        fold: which one of a time that comes twice, 0 or 1.
        back: a time that the clocks skip goes back by the gap, and not on.
    """
    moment = local.replace(tzinfo=zone, fold=fold)
    if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local:
        return moment
    # With fold 1, Python reads a skipped time by the offset after the gap, which is the earlier moment.
    return moment.replace(fold=int(back)).astimezone(UTC).astimezone(zone)


def cron_slots(expression: str, after: datetime, zone: ZoneInfo, *, day_or: bool) -> Iterator[datetime]:
    """When the clock of `zone` matches, from about `after` on, without end."""
    slots = croniter(expression, after.astimezone(zone).replace(tzinfo=None), day_or=day_or)
    while True:
        yield on_the_clock(slots.get_next(datetime), zone, back=_PENDULUM)


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
