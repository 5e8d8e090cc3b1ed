"""The cron expressions that a schedule takes: five fields, each checked, so that a fault is named in words."""

import re
from calendar import monthrange
from datetime import datetime
from functools import cache
from typing import NamedTuple

from croniter import CroniterBadDateError, croniter

_A_LEAP_YEAR = 2028
_SEARCH_FROM = datetime(_A_LEAP_YEAR, 1, 1)  # noqa: DTZ001 - cron knows no zone; the schedule adds it
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
PRESETS = {
    "hourly": "0 * * * *",
    "daily-9am": "0 9 * * *",
    "weekdays-9am": "0 9 * * 1-5",
    "weekly-monday": "0 9 * * 1",
}
DEFAULT_PRESET = "hourly"


class _Field(NamedTuple):
    """One of the five: `special` matches what stands alone in it, beside numbers, ranges and steps."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    special: str = r"\*"

    def number(self, text: str) -> int | None:
        """The number that `text` spells, if the field takes it."""
        if text.lower() in self.names:
            return self.names.index(text.lower()) + self.low
        number = int(text) if re.fullmatch("[0-9]{1,2}", text) else -1
        return number if self.low <= number <= self.high else None

    def allowed(self) -> str:
        """What the field takes, in words."""
        names = f" or {self.names[0].upper()} to {self.names[-1].upper()}" if self.names else ""
        return f"{self.low} to {self.high}{names}"


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31, special=r"\*|\?|[lL]"),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _DAYS, special=r"\*|\?|[lL][0-7]|([0-7]|sun|mon|tue|wed|thu|fri|sat)#[1-5]"),
)


def _range_fault(field: _Field, text: str) -> str:
    numbers = [field.number(part) for part in text.split("-")]
    if len(numbers) > 2 or None in numbers:  # noqa: PLR2004 - a range has two ends
        return f"{text!r} is not a valid {field.name}; it takes {field.allowed()}"
    return ""


def _step_fault(field: _Field, text: str) -> str:
    base, _, step = text.partition("/")
    if not re.fullmatch("[0-9]{1,2}", step) or not 1 <= int(step) <= field.high:
        return f"{text!r} has a step that does not fit the {field.name}; use 1 to {field.high}"
    if base == "*":
        return ""
    if fault := _range_fault(field, base):
        return fault
    first, *rest = [field.number(part) or 0 for part in base.split("-")]
    if not rest or rest[0] < first:
        # The cron libraries disagree about these, and Prefect's own is one of them.
        return f"{text!r} is read in more than one way; write */{step}, or a rising range such as {first}-{field.high}"
    return ""


def _item_fault(field: _Field, item: str) -> str:
    if re.fullmatch(field.special, item, re.IGNORECASE):
        return ""
    return _step_fault(field, item) if "/" in item else _range_fault(field, item)


def _shape_fault(expression: str) -> str:
    text = expression.strip()
    if known := _NICKNAMES.get(text.lower()) or PRESETS.get(text.lower()):
        return f"{text!r} is a short name, not an expression; write {known!r}"
    if (count := len(text.split())) != len(_FIELDS):
        wanted = "five: minute, hour, day of month, month, day of week"
        return f"{expression!r} has {count} field{'' if count == 1 else 's'}; a cron expression here has {wanted}"
    return ""


def _never_fault(expression: str) -> str:
    _, _, days, months, _ = croniter.expand(expression)[0]
    longest = max(monthrange(_A_LEAP_YEAR, int(month))[1] for month in (range(1, 13) if "*" in months else months))
    if all(isinstance(day, int) and day > longest for day in days):
        return f"{expression!r} never comes: its months have no day {min(days)}"
    try:
        croniter(expression, _SEARCH_FROM).get_next(datetime)
    except CroniterBadDateError:
        return f"{expression!r} never comes; check its day and month"
    return ""


@cache
def cron_fault(expression: str) -> str:
    """What is wrong with a cron expression, as a sentence; empty if it is good and comes at some time."""
    if fault := _shape_fault(expression):
        return fault
    for field, text in zip(_FIELDS, expression.split(), strict=True):
        for item in text.split(","):
            if fault := _item_fault(field, item):
                return fault
    return _never_fault(expression)
