"""The time zone of OpenClaw's host, which is meant where a job names none."""

from zoneinfo import ZoneInfoNotFoundError

import tzlocal

from sessions.errors import SpecError
from sessions.schedule import timezone_fault


def choose_timezone(asked: str) -> str:
    """The zone that was asked for, else this host's; empty if this host's has no name.

    Raises:
        SpecError: there is no such zone.
    """
    if asked:
        if fault := timezone_fault(asked):
            raise SpecError(f"--timezone: {fault}", field="timezone")
        return asked
    try:
        name = tzlocal.get_localzone_name()
    except (ZoneInfoNotFoundError, ValueError):
        return ""
    return "" if not name or timezone_fault(name) else name
