"""Signals that code can compute of how an agent's work goes: each says when something is to be acted on."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import mean, median

from pydantic import BaseModel

from sessions.backoff import consecutive_errors
from sessions.memory.things import JournalEntry, Thread
from sessions.past_runs import PastRun
from sessions.workspace.base import GitState, listed

#: From so many errors in a row on, a session is to look into why before it does anything else.
STREAK = 2
#: The newest so many costs are held against those before them.
RECENT_COSTS, EARLIER_COSTS = 3, 10
RISE, LEAST_RISE_USD = 1.5, 0.01
THEMES, SCATTERED = 5, 4
STALE_AFTER = timedelta(days=14)
_WORD = re.compile(r"[^\W\d_]{4,}")
_SHOWN_THREADS = 3


class Signal(BaseModel, frozen=True):
    """One indicator: what it is, what it says, and whether it is to be acted on first.

    `ids` are the runs, entries or threads that it is about, which can be opened. It has none where it is about files,
    which it names.
    """

    name: str
    value: str
    flagged: bool
    ids: tuple[str, ...] = ()


def compute_signals(
    *,
    runs: Sequence[PastRun],
    journal: Sequence[JournalEntry],
    threads: Sequence[Thread],
    git: Sequence[GitState],
    now: datetime,
) -> list[Signal]:
    """All that has something to say, in the order in which it is told.

    Args:
        runs: earlier runs of the same session, newest first.
        journal: the session's newest entries, newest first.
        threads: the open ones that this session may take up.
        git: its repositories, as they are before it starts.
        now: by which threads are old.
    """
    found = (
        failing_streak(runs),
        uncommitted_work(git),
        cost_trend(runs),
        scattered_themes(journal),
        stale_threads(threads, now),
        kept_work(runs),
    )
    return [signal for signal in found if signal]


def failing_streak(runs: Sequence[PastRun]) -> Signal | None:
    """Errors in a row up to the newest run; flagged from the second on."""
    outcomes = [run.outcome for run in runs if run.outcome]
    errors = consecutive_errors(outcomes)
    if not errors:
        return None
    last = next(run for run in runs if run.outcome and run.outcome.is_error)
    count = "the last run failed" if errors == 1 else f"{errors} runs in a row failed"
    return Signal(
        name="failing streak",
        value=f"{count}, the last as {last.outcome}: {last.reason}",
        flagged=errors >= STREAK,
        ids=(last.run_id,),
    )


def cost_trend(runs: Sequence[PastRun]) -> Signal | None:
    """Flagged where the newest runs cost half as much again as those before them."""
    paid = [run for run in runs if run.worked and run.cost_usd > 0]
    costs = [run.cost_usd for run in paid]
    recent, earlier = costs[:RECENT_COSTS], costs[RECENT_COSTS : RECENT_COSTS + EARLIER_COSTS]
    if len(earlier) < RECENT_COSTS:
        return None
    now, before = mean(recent), median(earlier)
    if now < before * RISE or now - before < LEAST_RISE_USD:
        return None
    value = f"the last {len(recent)} runs cost {now:.2f} US dollars on average, those before {before:.2f}"
    return Signal(name="cost trend", value=value, flagged=True, ids=tuple(run.run_id for run in paid[: len(recent)]))


def scattered_themes(journal: Sequence[JournalEntry]) -> Signal | None:
    """Flagged where nearly every one of the newest sessions was about something else."""
    newest = [entry for entry in journal if entry.theme.strip()][:THEMES]
    groups = _groups([_words(entry.theme) for entry in newest])
    if len(newest) < THEMES or groups < SCATTERED:
        return None
    value = f"the last {len(newest)} sessions had {groups} themes that share no word"
    return Signal(name="scattered themes", value=value, flagged=True, ids=tuple(entry.id for entry in newest))


def _words(text: str) -> set[str]:
    # The first letters stand for the word: "threads" and "threading" are one theme.
    return {word.lower()[:6] for word in _WORD.findall(text)}


def _groups(sets: Sequence[set[str]]) -> int:
    """How many groups the sets fall into, where those that share a word belong together."""
    groups: list[set[str]] = []
    for words in sets:
        together = [group for group in groups if group & words]
        groups = [group for group in groups if not group & words] + [words.union(*together)]
    return len(groups)


def stale_threads(threads: Sequence[Thread], now: datetime) -> Signal | None:
    """Flagged where a thread has been open for two weeks: to be taken up, or closed with a reason."""
    stale = sorted((thread for thread in threads if now - thread.opened_at > STALE_AFTER), key=_age)
    if not stale:
        return None
    oldest = (now - stale[0].opened_at).days
    count = "1 thread is" if len(stale) == 1 else f"{len(stale)} threads are"
    value = f"{count} open for more than {STALE_AFTER.days} days, the oldest for {oldest}: take it up or close it"
    return Signal(
        name="stale threads", value=value, flagged=True, ids=tuple(thread.id for thread in stale[:_SHOWN_THREADS])
    )


def _age(thread: Thread) -> tuple[datetime, str]:
    return thread.opened_at, thread.id


def uncommitted_work(git: Sequence[GitState]) -> Signal | None:
    """Flagged where a working copy holds changes before the session has begun: an earlier attempt's, or a person's."""
    dirty = [f"{state.name}: {listed(state.uncommitted)}" for state in git if state.uncommitted]
    return Signal(name="uncommitted work", value="; ".join(dirty), flagged=True) if dirty else None


def kept_work(runs: Sequence[PastRun]) -> Signal | None:
    """What the newest run changed and nobody pushed. Not flagged: most such sessions leave the pushing to people."""
    newest = next((run for run in runs if run.worked), None)
    if newest is None or not newest.not_pushed:
        return None
    return Signal(name="not pushed", value="; ".join(newest.not_pushed), flagged=False, ids=(newest.run_id,))
