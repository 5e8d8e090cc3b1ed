"""Decides whose turn it is: the first rule that matches, by the calendar and by what the day's runs came to."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel

from sessions.backoff import newest_first, waits_until
from sessions.dispatch_rules import DispatchRule, RuleDay, calendar_fault, day_of, describe_rule
from sessions.ledger import RunRow
from sessions.outcome import Outcome
from sessions.retention import EndedRun

#: How far back runs matter: longer than a rule's day, also where it begins in the evening and the clocks go back.
LOOK_BACK = timedelta(days=2)
#: Ends of runs in which no agent worked, for reasons that a later run may not meet.
_SKIPPED = (Outcome.SKIPPED_OVERLAP, Outcome.MISSED, Outcome.BACKING_OFF)
NOT_DEPLOYED = "no such session is deployed; run `sessions deploy`, or take the rule out"
Verdict = Literal["chosen", "behind", "no_match", "broken"]


class SessionHistory(BaseModel, frozen=True):
    """What is known of a session at a moment: its latest runs as they were then.

    Attributes:
        deployed: the server has it.
        suspended: its schedules are switched off, so nothing but a person starts it.
        runs: those of the last two days that were due.
        at_work_since: the slot of the run that is at work or waits for a worker; None if there is none.
        waits_until: when its wait after errors ends; None if it need not wait.
    """

    deployed: bool = True
    suspended: bool = False
    runs: list[RunRow] = []
    at_work_since: AwareDatetime | None = None
    waits_until: AwareDatetime | None = None


class Judgement(BaseModel, frozen=True):
    """What became of one rule: chosen, behind another one that matches, not matching, or broken; and why."""

    number: int
    session: str
    rule: str
    verdict: Verdict
    reason: str


class Decision(BaseModel, frozen=True):
    """Whose turn it is at a moment: the session of the first rule that matches; None if no rule does.

    `calendar_only` says that the day's runs were not known and so may change it.
    """

    at: AwareDatetime
    session: str | None
    calendar_only: bool
    judgements: list[Judgement]

    @property
    def chosen(self) -> Judgement | None:
        """The rule that won."""
        return next((item for item in self.judgements if item.verdict == "chosen"), None)

    @property
    def broken(self) -> list[Judgement]:
        """Rules that would have their turn if what they name were there."""
        return [item for item in self.judgements if item.verdict == "broken"]


def history_at(
    rows: Iterable[RunRow], *, at: datetime, now: datetime, delays: Sequence[int], suspended: bool = False
) -> SessionHistory:
    """A session's history as it was, or is, or as far as it is known to be, at a moment.

    Args:
        rows: its runs, each once.
        at: the moment; nobody knows what is at work at one that is still to come.
        now: the present.
        delays: its `backoff_seconds`.
        suspended: whether it is suspended now.
    """
    runs = [_as_of(row, at) for row in rows if row.slot_at and row.slot_at <= at]
    open_slots = [run.slot_at for run in runs if run.outcome is None and run.slot_at]
    until = waits_until(newest_first(_ended(runs)), delays)
    return SessionHistory(
        suspended=suspended,
        runs=runs,
        at_work_since=min(open_slots) if open_slots and at <= now else None,
        waits_until=until if until and until > at else None,
    )


def decide(
    rules: Sequence[DispatchRule],
    at: datetime,
    histories: Mapping[str, SessionHistory] | None,
    *,
    sessions_per_day: int = 0,
) -> Decision:
    """Judge every rule, in their order.

    Args:
        rules: the rules; the first that matches wins.
        at: the moment (aware), by which days and hours are judged.
        histories: what is known of each session that the rules name; None goes by the calendar alone.
        sessions_per_day: so many runs of all these sessions a day, in each rule's zone; 0 for any number.
    """
    judgements: list[Judgement] = []
    winner = 0
    for number, rule in enumerate(rules, 1):
        fault = calendar_fault(rule, at)
        if not fault and histories is not None:
            fault = _history_fault(rule, at, histories, sessions_per_day)
        verdict, reason = _verdict(rule, fault, at, histories, winner)
        winner = number if verdict == "chosen" else winner
        judgements.append(
            Judgement(number=number, session=rule.session, rule=describe_rule(rule), verdict=verdict, reason=reason)
        )
    session = rules[winner - 1].session if winner else None
    return Decision(at=at, session=session, calendar_only=histories is None, judgements=judgements)


def _verdict(
    rule: DispatchRule, fault: str, at: datetime, histories: Mapping[str, SessionHistory] | None, winner: int
) -> tuple[Verdict, str]:
    if fault:
        return ("broken" if fault == NOT_DEPLOYED else "no_match"), fault
    if winner:
        return "behind", f"it would match, but rule {winner} comes first"
    return "chosen", _why(rule, at, histories)


def _why(rule: DispatchRule, at: datetime, histories: Mapping[str, SessionHistory] | None) -> str:
    limits = [f"it ran {rule.at_most_per_day} times already"] * bool(rule.at_most_per_day)
    limits += ["it succeeded already"] * rule.until_succeeded
    if histories is None:
        return "its days and hours match" + f", unless {' or '.join(limits)} that day" * bool(limits)
    count = len(_counted(histories[rule.session].runs, day_of(rule, at)))
    of = f" of {rule.at_most_per_day}" if rule.at_most_per_day else ""
    without = " without success" if rule.until_succeeded and count else ""
    return f"its days and hours match, and it ran {count}{of} times that day{without}"


def _history_fault(
    rule: DispatchRule, at: datetime, histories: Mapping[str, SessionHistory], sessions_per_day: int
) -> str:
    history, day = histories[rule.session], day_of(rule, at)
    return (
        _unready(history, rule)
        or _had_its_day(rule, _counted(history.runs, day))
        or _all_had_their_day([item.runs for item in histories.values()], day, sessions_per_day)
    )


def _unready(history: SessionHistory, rule: DispatchRule) -> str:
    """Why the session cannot be started just now, whatever the day brought."""
    if not history.deployed:
        return NOT_DEPLOYED
    if history.suspended:
        return f"the session is suspended; `sessions resume {rule.session}` ends that"
    if history.at_work_since:
        return f"a run of it, due at {_clock(history.at_work_since, rule)}, is not over"
    if history.waits_until:
        return f"it waits after errors until {_clock(history.waits_until, rule)}, and then makes an attempt itself"
    return ""


def _had_its_day(rule: DispatchRule, counted: Sequence[RunRow]) -> str:
    succeeded = [run for run in counted if run.outcome and run.outcome.state_type == "COMPLETED"]
    if rule.until_succeeded and succeeded:
        times = [_clock(run.ended_at, rule) for run in succeeded if run.ended_at]
        return f"it succeeded already that day, at {', '.join(times)}"
    if 0 < rule.at_most_per_day <= len(counted):
        return f"it ran {len(counted)} times that day, and may {rule.at_most_per_day}"
    return ""


def _all_had_their_day(runs: Iterable[Sequence[RunRow]], day: RuleDay, sessions_per_day: int) -> str:
    count = sum(len(_counted(each, day)) for each in runs)
    if 0 < sessions_per_day <= count:
        return f"all sessions together ran {count} times that day, and may {sessions_per_day}: sessions_per_day"
    return ""


def _counted(runs: Iterable[RunRow], day: RuleDay) -> list[RunRow]:
    """The runs of a day that count: those that are to be, are or were at work."""
    return [run for run in runs if run.slot_at and day.since <= run.slot_at < day.until and _worked(run)]


def _worked(run: RunRow) -> bool:
    called_off = run.outcome is Outcome.STOPPED and run.started_at is None
    return run.outcome not in _SKIPPED and not called_off


def _as_of(row: RunRow, at: datetime) -> RunRow:
    """A run as it was at a moment: one that ended later was at work."""
    if row.ended_at is None or row.ended_at <= at:
        return row
    return row.model_copy(update={"outcome": None, "ended_at": None})


def _ended(runs: Iterable[RunRow]) -> list[EndedRun]:
    return [
        EndedRun(run_id=run.id, outcome=run.outcome, ended_at=run.ended_at)
        for run in runs
        if run.outcome and run.ended_at
    ]


def _clock(moment: datetime, rule: DispatchRule) -> str:
    return f"{moment.astimezone(ZoneInfo(rule.timezone)):%H:%M %Z}"
