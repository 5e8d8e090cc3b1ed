"""The names of all time zones, read once: Prefect asks for them at each schedule that it makes or reads."""

import zoneinfo
from functools import cache


@cache
def zone_names() -> frozenset[str]:
    """Every name that `ZoneInfo` takes. Found by a walk through the system's folder of zones, some 10 ms."""
    return frozenset(_look())


_look = zoneinfo.available_timezones


def remember_zone_names() -> None:
    """Have `zoneinfo.available_timezones` look once in this process; to be called before Prefect is imported.

    To be dropped when Prefect keeps the names.
    """
    zoneinfo.available_timezones = lambda: set(zone_names())
