"""The rules of a dispatch: in which hours of which days whose turn it is, and how often a day."""

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from sessions.parameters import SLUG, StartingDeadlineSeconds
from sessions.schedule import ZoneName
from sessions.slots import on_the_clock

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "weekdays", "weekend"]
WHOLE_DAY = "00:00-24:00"
_SPAN = r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)"
_GROUPS = {"weekdays": WEEK[:5], "weekend": WEEK[5:]}
_ONE_DAY = timedelta(days=1)


class _Span(NamedTuple):
    """Hours of a day in minutes; the end is outside, and before the beginning where midnight is inside."""

    begin: int
    end: int

    @property
    def is_overnight(self) -> bool:
        return self.end < self.begin


def _span(hours: str) -> _Span | None:
    if not (match := re.fullmatch(_SPAN, hours)):
        return None
    end = 24 * 60 if match[3] is None else int(match[3]) * 60 + int(match[4])
    return _Span(int(match[1]) * 60 + int(match[2]), end)


def _good_hours(hours: str) -> str:
    span = _span(hours)
    if span is None:
        raise ValueError(f'{hours!r} are no hours; write them as "09:30-16:00", in quotes, from 00:00 to 24:00')
    if span.begin == span.end:
        raise ValueError(f"{hours!r} begin when they end; the whole day is {WHOLE_DAY!r}")
    return hours


class DispatchRule(BaseModel, frozen=True, extra="forbid"):
    """Whose turn it is in some hours of some days, as long as the day's runs leave it one."""

    session: Annotated[str, StringConstraints(pattern=SLUG)] = Field(
        title="Session", description="The name of the session that is started."
    )
    days: list[Day] = Field([], title="Days", description="On which days of the week. None: on every day.")
    hours: Annotated[str, AfterValidator(_good_hours)] = Field(
        WHOLE_DAY,
        title="Hours",
        description="From when until when, the end not included: 09:30-16:00. 22:00-02:00 goes past midnight, and "
        "belongs to the day on which it begins.",
        json_schema_extra={"pattern": f"^{_SPAN}$"},
    )
    timezone: ZoneName = Field("UTC", title="Time zone", description="On whose clock the days and hours are.")
    at_most_per_day: int = Field(
        0,
        ge=0,
        title="At most a day",
        description="So many runs of the session a day, whoever started them; skipped ones do not count. "
        "0: any number.",
    )
    until_succeeded: bool = Field(
        default=False,
        title="Until it succeeded once",
        description="On: no more on a day on which a run of the session succeeded, whoever started it.",
    )

    @property
    def weekdays(self) -> frozenset[str]:
        """The days of the week on which the rule's hours begin."""
        return frozenset(name for day in self.days or WEEK for name in _GROUPS.get(day, (day,)))


Rules = Annotated[list[DispatchRule], Field(title="Rules")]
SessionsPerDay = Annotated[int, Field(ge=0, title="Sessions a day")]


class DispatchParameters(BaseModel, extra="forbid"):
    """The parameters of the flow `dispatch`, which says what they mean."""

    rules: Rules
    sessions_per_day: SessionsPerDay = 0
    starting_deadline_seconds: StartingDeadlineSeconds = 300


class RuleDay(NamedTuple):
    """The day for which a rule counts runs; `until` is outside."""

    since: datetime
    until: datetime


def day_of(rule: DispatchRule, at: datetime) -> RuleDay:
    """The rule's day around a moment (aware): from midnight, or from the beginning of hours that go past it."""
    local = at.astimezone(ZoneInfo(rule.timezone))
    span = _span_of(rule)
    begin = span.begin if span.is_overnight else 0
    first = local.date() if _minute(local) >= begin else local.date() - _ONE_DAY
    return RuleDay(_on_clock(first, begin, rule), _on_clock(first + _ONE_DAY, begin, rule))


def calendar_fault(rule: DispatchRule, at: datetime) -> str:
    """Why a rule does not match at a moment (aware) by its days and hours; empty if it does."""
    local = at.astimezone(ZoneInfo(rule.timezone))
    now = f"it is {WEEK[local.weekday()].title()} {local:%H:%M} ({rule.timezone})"
    if not _is_open(_span_of(rule), _minute(local)):
        return f"{now}, outside {rule.hours}"
    began = day_of(rule, at).since
    return "" if WEEK[began.weekday()] in rule.weekdays else f"{now}, and its days are {_days(rule)}"


def describe_rule(rule: DispatchRule) -> str:
    """A rule in words: `trader: weekdays 09:30-16:00 (America/New_York), at most 3 a day`."""
    most = f", at most {rule.at_most_per_day} a day" if rule.at_most_per_day else ""
    until = ", until it succeeded once that day" if rule.until_succeeded else ""
    hours = "" if rule.hours == WHOLE_DAY else f" {rule.hours}"
    return f"{rule.session}: {_days(rule)}{hours} ({rule.timezone}){most}{until}"


def takes_every_turn(rule: DispatchRule) -> bool:
    """Whether nothing but a run at work keeps the rule from matching, so that those below hardly get a turn."""
    limited = rule.at_most_per_day or rule.until_succeeded
    return not limited and rule.hours == WHOLE_DAY and rule.weekdays == frozenset(WEEK)


def _days(rule: DispatchRule) -> str:
    if rule.weekdays == frozenset(WEEK):
        return "every day"
    return ", ".join(day if day in _GROUPS else day.title() for day in rule.days)


def _span_of(rule: DispatchRule) -> _Span:
    return _span(rule.hours) or _Span(0, 24 * 60)


def _is_open(span: _Span, minute: int) -> bool:
    if span.is_overnight:
        return minute >= span.begin or minute < span.end
    return span.begin <= minute < span.end


def _minute(local: datetime) -> int:
    return local.hour * 60 + local.minute


def _on_clock(day: date, minute: int, rule: DispatchRule) -> datetime:
    shown = datetime.combine(day, time(minute // 60, minute % 60))
    return on_the_clock(shown, ZoneInfo(rule.timezone))
