"""When a session is due: a cron expression, a fixed interval or one moment; in words, and its next times.

The times agree with those that Prefect's scheduler creates; `sessions.slots` says how, where the clocks change.
"""

import difflib
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from cron_descriptor import ExpressionDescriptor, Options
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from sessions.cron import cron_fault
from sessions.errors import SpecError
from sessions.slots import cron_slots, interval_slots, is_skipped, on_the_clock
from sessions.zone_names import zone_names

SHORTEST_INTERVAL = timedelta(minutes=1)
LONGEST_INTERVAL = timedelta(days=3660)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ONE_MOMENT = re.compile(r"DTSTART:(\d{8}T\d{6})(Z?)\nRRULE:FREQ=[A-Z]+;COUNT=1\s*")


def timezone_fault(name: str) -> str:
    """What is wrong with the name of a time zone, as a sentence; empty if it is known."""
    if name in zone_names():
        return ""
    spelled = {zone.lower(): zone for zone in zone_names()}
    near = difflib.get_close_matches(name.lower().replace(" ", "_"), spelled, n=1)
    hint = f"did you mean {spelled[near[0]]}?" if near else "use a name such as Europe/Berlin, America/New_York or UTC"
    return f"{name!r} is not a known time zone; {hint}"


def _good_cron(expression: str) -> str:
    if fault := cron_fault(expression):
        raise ValueError(fault)
    return expression


def _good_zone(name: str) -> str:
    if fault := timezone_fault(name):
        raise ValueError(fault)
    return name


def interval_fault(interval: timedelta) -> str:
    """What is wrong with a fixed interval, as a part of a sentence; empty if a session may be due so often."""
    if interval < SHORTEST_INTERVAL:
        return "is under a minute, and a session is due once a minute at most"
    if interval > LONGEST_INTERVAL:
        return "is longer than 10 years"
    return "is not whole seconds" if interval.microseconds else ""


def _as_interval(value: object) -> timedelta:
    try:
        # A boolean is a number to Python, and would be an interval of one second.
        interval = TypeAdapter(timedelta).validate_python(str(value) if isinstance(value, bool) else value)
    except ValidationError as error:
        raise ValueError(f"{value!r} is not an interval; give seconds, or text such as 'PT6H' or '06:00:00'") from error
    if fault := interval_fault(interval):
        raise ValueError(f"{value!r} {fault}; give 60 seconds or more, or text such as 'PT6H' or '06:00:00'")
    return interval


CronExpression = Annotated[str, AfterValidator(_good_cron)]
ZoneName = Annotated[str, AfterValidator(_good_zone)]
#: What a definition may have; a server may hold other ones, that were made elsewhere.
Interval = Annotated[timedelta, BeforeValidator(_as_interval)]


class CronSchedule(BaseModel, frozen=True, extra="forbid"):
    """Due whenever the clock in `timezone` matches. `day_or`: a day matches if either of the two day fields does."""

    kind: Literal["cron"] = "cron"
    cron: CronExpression
    timezone: ZoneName = "UTC"
    day_or: bool = True

    @property
    def expr(self) -> str:
        """The schedule in its own notation."""
        return self.cron


class IntervalSchedule(BaseModel, frozen=True, extra="forbid"):
    """Due every `interval`, counted from `anchor_date`; without one, from the moment it is deployed."""

    kind: Literal["every"] = "every"
    interval: timedelta = Field(gt=timedelta())
    anchor_date: AwareDatetime | None = None
    timezone: ZoneName = "UTC"

    @property
    def expr(self) -> str:
        """The schedule in its own notation: ISO 8601."""
        return TypeAdapter(timedelta).dump_json(self.interval).decode().strip('"')


class MomentSchedule(BaseModel, frozen=True, extra="forbid"):
    """Due once."""

    kind: Literal["at"] = "at"
    at: AwareDatetime
    timezone: ZoneName = "UTC"

    @property
    def expr(self) -> str:
        """The schedule in its own notation: ISO 8601."""
        return self.at.astimezone(ZoneInfo(self.timezone)).isoformat()

    @property
    def rrule(self) -> str:
        """The recurrence rule by which Prefect fires once, on the wall clock of `timezone`."""
        local = self.at.astimezone(ZoneInfo(self.timezone))
        return f"DTSTART:{local:%Y%m%dT%H%M%S}\nRRULE:FREQ=DAILY;COUNT=1"


Schedule = Annotated[CronSchedule | IntervalSchedule | MomentSchedule, Field(discriminator="kind")]


def parse_moment(rrule: str, timezone: str = "UTC") -> MomentSchedule:
    """The moment that a recurrence rule of one occurrence names.

    Raises:
        SpecError: the rule is another one; cron and intervals say those in words that people can check.
    """
    match = _ONE_MOMENT.fullmatch(rrule.replace("\\n", "\n"))
    # Prefect reads the digits on the clock of `timezone`, whatever the Z says.
    if not match or (match[2] and timezone != "UTC"):
        raise SpecError(
            "is not one moment; write 'DTSTART:20270131T090000\\nRRULE:FREQ=DAILY;COUNT=1' in double quotes, on the "
            "clock of `timezone`, or use cron or interval",
            field="rrule",
        )
    try:
        local = datetime.strptime(match[1], "%Y%m%dT%H%M%S")  # noqa: DTZ007 - the zone comes with the next line
    except ValueError as error:
        raise SpecError(f"{match[1]} is not a date and time; write 20270131T090000", field="rrule") from error
    return MomentSchedule(at=on_the_clock(local, ZoneInfo(timezone), back=True), timezone=timezone)


def parse_every(text: str) -> timedelta:
    """The interval that `30m`, `6h`, `1d`, `PT6H` or `06:00:00` spells.

    Raises:
        SpecError: it spells none, or one that no session may have.
    """
    fault = "is not an interval"
    with suppress(ValueError, OverflowError):
        interval = _spelled(text)
        fault = interval_fault(interval)
        if not fault:
            return interval
    raise SpecError(f"{text!r} {fault}; write 30m, 6h, 1d or PT6H", field="every")


def _spelled(text: str) -> timedelta:
    match = re.fullmatch(r"\s*(\d{1,9})\s*([smhdw])\s*", text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else TypeAdapter(timedelta).validate_python(text)


def parse_at(text: str, timezone: str = "UTC") -> datetime:
    """The moment that an ISO date and time spells; without an offset it is on the clock of `timezone`.

    Raises:
        SpecError: it spells none, or one that the clock skips.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise SpecError(f"{text!r} is not a date and time; write 2027-01-31T09:00", field="at") from error
    if moment.tzinfo:
        return moment
    if is_skipped(moment, ZoneInfo(timezone)):
        raise SpecError(f"{text!r} does not exist in {timezone}, whose clocks skip it; give another time", field="at")
    return on_the_clock(moment, ZoneInfo(timezone))


@lru_cache(maxsize=4096)  # the describer reads its translations anew each time
def _cron_words(schedule: CronSchedule) -> str:
    options = Options()
    # Its defaults come from the machine's locale; the words are the same everywhere.
    options.locale_code, options.use_24hour_time_format = "en_US", True
    words = str(ExpressionDescriptor(schedule.cron, options).get_description())
    return words if schedule.day_or else words.replace(", or on ", ", and only if it is also on ")


def _interval_words(schedule: IntervalSchedule) -> str:
    seconds = schedule.interval.total_seconds()
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"Every {unit}" if count == 1 else f"Every {count} {unit}s"
    return "Every second" if seconds == 1 else f"Every {seconds:g} seconds"


def describe(schedule: Schedule) -> str:
    """The schedule in words, with its time zone: `At 09:00, Monday through Friday (Europe/Berlin)`."""
    if isinstance(schedule, CronSchedule):
        return f"{_cron_words(schedule)} ({schedule.timezone})"
    zone = ZoneInfo(schedule.timezone)
    if isinstance(schedule, MomentSchedule):
        return f"Once, on {schedule.at.astimezone(zone):%Y-%m-%d at %H:%M} ({schedule.timezone})"
    anchor = schedule.anchor_date
    since = f"counted from {anchor.astimezone(zone):%Y-%m-%d %H:%M}" if anchor else "counted from its deployment"
    return f"{_interval_words(schedule)}, {since} ({schedule.timezone})"


def _times(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    zone = ZoneInfo(schedule.timezone)
    if isinstance(schedule, CronSchedule):
        return cron_slots(schedule.cron, after, zone, day_or=schedule.day_or)
    if isinstance(schedule, IntervalSchedule):
        return interval_slots(schedule.interval, schedule.anchor_date or after, after, zone)
    return iter([schedule.at.astimezone(zone)])


def next_times(schedule: Schedule, after: datetime, count: int = 3) -> list[datetime]:
    """The next `count` slots strictly after `after` (aware), in the schedule's zone; fewer if no more will come."""
    return list(_next_times(schedule, after, count))


# Many sessions have the same schedule.
@lru_cache(maxsize=1000)
def _next_times(schedule: Schedule, after: datetime, count: int) -> tuple[datetime, ...]:
    found: dict[datetime, datetime] = {}
    for moment in _times(schedule, after):
        utc = moment.astimezone(UTC)
        if utc > after:
            found.setdefault(utc, moment)
        if len(found) >= count:
            break
    return tuple(found.values())
