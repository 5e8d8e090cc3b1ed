"""What an agent may use of a day, all its sessions together, counted from the records of its runs.

A day is that of the zone of the session's schedule, UTC if it has none. A run belongs to the day on which it was let
in, with all that it costs, also where it goes on past midnight. A run whose agent never started uses nothing.

What is kept beside the records is kept of deleted runs alone: their cost, until their day is long over. Runs on other
machines count where they share the folder `SESSIONS_HOME`.
"""

import os
from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ValidationError

from sessions.admission import Skip
from sessions.errors import ModelError, RunFolderError
from sessions.locks import held
from sessions.models import find_model
from sessions.outcome import Outcome
from sessions.run_folder import RunFolder, read_record, runs_folder
from sessions.run_record import RunRecord
from sessions.settings import Settings
from sessions.transcript import read_transcript

#: Longer than any day in any zone.
_KEPT_OF_DELETED = timedelta(days=3)
_LOCK_SECONDS = 10.0


class Spent(BaseModel, frozen=True):
    """What one run of an agent used. `final` says that it costs no more."""

    run_id: str
    let_in_at: AwareDatetime
    cost_usd: float
    final: bool = True


class DayBudget(BaseModel, frozen=True):
    """What an agent may use from `since` until `until`: `runs` and `cost_usd`, 0 for any."""

    agent: str
    since: AwareDatetime
    until: AwareDatetime
    runs: int
    cost_usd: float

    @property
    def day(self) -> str:
        """The day and its zone: `2026-11-20, Europe/Berlin`."""
        return f"{self.since:%Y-%m-%d}, {getattr(self.since.tzinfo, 'key', self.since.tzname())}"

    @property
    def cost_sentence(self) -> str:
        """How much it is, without a full stop."""
        return f"agent {self.agent} may spend {self.cost_usd:g} US dollars a day ({self.day}): cost_per_day_usd"


def day_budget(record: RunRecord, settings: Settings) -> DayBudget:
    """The budget that counts for a run: that of the day on which it was opened."""
    opened_at = record.opened_at.astimezone(record.slot_at.tzinfo)
    agent, spec = record.spec.agent, record.spec
    midnight = datetime.combine(opened_at.date(), time(), tzinfo=opened_at.tzinfo)
    return DayBudget(
        agent=agent,
        since=midnight,
        until=midnight + timedelta(days=1),
        runs=settings.runs_per_day_for(agent, spec.runs_per_day),
        cost_usd=settings.cost_per_day_usd_for(agent, spec.cost_per_day_usd),
    )


def admit(run: RunFolder, settings: Settings) -> Skip | None:
    """Let a run in, which counts from then on, or say why its agent has had its day.

    One after the other: of two runs at the same moment, the second sees the first.

    Raises:
        RunFolderError: the disk does not take it.
    """
    budget = day_budget(run.record, settings)
    with held(_agents_folder(settings), f"{budget.agent}.lock", wait_seconds=_LOCK_SECONDS):
        if skip := over_budget(budget, list(spent_by_others(run.record, budget, settings))):
            return skip
        run.mark("admitted", run.record.opened_at)
    return None


def over_budget(budget: DayBudget, spent: list[Spent]) -> Skip | None:
    """A Skip if what the agent's runs used is all that it may use of the day."""
    cost = sum(item.cost_usd for item in spent)
    if 0 < budget.runs <= len(spent):
        used, limit = f"has had {len(spent)} of {budget.runs} runs", "runs_per_day"
    elif 0 < budget.cost_usd <= cost:
        used, limit = f"has spent {cost:.4f} of {budget.cost_usd:g} US dollars", "cost_per_day_usd"
    else:
        return None
    next_day = f"the next day begins at {budget.until:%Y-%m-%d %H:%M %Z}"
    reason = f"agent {budget.agent} {used} today ({budget.day}), see {limit}; {next_day}"
    return Skip(outcome=Outcome.OVER_BUDGET, reason=reason)


def left_of_day(record: RunRecord, settings: Settings) -> Callable[[], float] | None:
    """A look at what other runs of the agent leave of the day, in US dollars, as of each call; None for no limit."""
    budget = day_budget(record, settings)
    if not budget.cost_usd:
        return None
    known: dict[str, Spent] = {}

    def look() -> float:
        # What is final is read once: the runner looks after every turn.
        for item in spent_by_others(record, budget, settings, known=known):
            known[item.run_id] = item
        return budget.cost_usd - sum(item.cost_usd for item in known.values())

    return look


def spent_by_others(
    record: RunRecord, budget: DayBudget, settings: Settings, *, known: dict[str, Spent] | None = None
) -> Iterator[Spent]:
    """What the agent's runs used in the day of `budget`, each once, without the run of `record`.

    Only the records of runs that were written to since the day began are read; those that are `known` and final not.
    """
    final = {run_id for run_id, item in (known or {}).items() if item.final} | {record.run_id}
    for path in _written_since(runs_folder(settings.home), budget.since):
        if path.name not in final and (item := _spent(path, budget.agent, settings)) and _within(item, budget):
            final.add(item.run_id)
            yield item
    yield from (
        item for item in _read_deleted(settings, budget.agent) if item.run_id not in final and _within(item, budget)
    )


def keep_spent(record: RunRecord, settings: Settings) -> None:
    """Keep what a run used, because its record is about to be deleted; more than once does no harm.

    Raises:
        RunFolderError: the disk does not take it.
    """
    path = runs_folder(settings.home) / record.run_id
    agent = record.spec.agent
    if not (item := _spent(path, agent, settings)):
        return
    with held(_agents_folder(settings), f"{agent}.lock", wait_seconds=_LOCK_SECONDS):
        kept = {old.run_id: old for old in _read_deleted(settings, agent)} | {item.run_id: item}
        newest = max(each.let_in_at for each in kept.values())
        recent = [each for each in kept.values() if newest - each.let_in_at < _KEPT_OF_DELETED]
        _write_deleted(settings, agent, recent)


def _within(item: Spent, budget: DayBudget) -> bool:
    return budget.since <= item.let_in_at < budget.until


def _written_since(runs: Path, moment: datetime) -> Iterator[Path]:
    if not runs.is_dir():
        return
    for entry in os.scandir(runs):
        try:
            if os.stat(f"{entry.path}/run.json").st_mtime >= moment.timestamp():  # noqa: PTH116 - a third of the time
                yield Path(entry.path)
        except OSError:
            # Just being made or deleted, or not a run at all.
            continue


def _spent(path: Path, agent: str, settings: Settings) -> Spent | None:
    """What the run in a folder used; None for a run of another agent, or one whose agent was never started."""
    try:
        record = read_record(path)
    except RunFolderError:
        # Nobody can say whose run it was.
        return None
    let_in_at = record.steps.get("admitted") or record.steps.get("agent_started")
    is_over = record.agent_end is not None or record.outcome is not None
    idle = is_over and not record.done("agent_started")
    if record.spec.agent != agent or let_in_at is None or idle:
        return None
    final = record.done("reported")
    cost = record.cost_usd if final else _cost_so_far(path, record, settings)
    return Spent(run_id=record.run_id, let_in_at=let_in_at, cost_usd=cost, final=final)


def _cost_so_far(path: Path, record: RunRecord, settings: Settings) -> float:
    transcript = RunFolder(path, record).transcript_path
    if not transcript.exists():
        return 0.0
    try:
        model = find_model(settings.model_for(record.spec.agent, record.spec.model), settings.models_file)
    except ModelError:
        # It was taken out of the list of models since, and nobody knows its price any more.
        return 0.0
    return model.cost_usd(*(entry.usage for entry in read_transcript(transcript) if entry.usage))


def _agents_folder(settings: Settings) -> Path:
    return settings.home / "agents"


def _deleted_path(settings: Settings, agent: str) -> Path:
    return _agents_folder(settings) / f"{agent}.deleted-runs.jsonl"


def _read_deleted(settings: Settings, agent: str) -> Iterator[Spent]:
    path = _deleted_path(settings, agent)
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            yield Spent.model_validate_json(line)
        except ValidationError:
            continue


def _write_deleted(settings: Settings, agent: str, kept: list[Spent]) -> None:
    path = _deleted_path(settings, agent)
    part = path.with_suffix(".part")
    try:
        part.write_text("".join(f"{item.model_dump_json()}\n" for item in kept), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise RunFolderError(f"{path} cannot be written: {error.strerror}; free some space or mend it") from error
