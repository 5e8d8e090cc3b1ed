"""How old what the agent is told is: loud where it may be out of date."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sessions.context.material import Material
from sessions.memory.things import CONSOLIDATION

#: With fewer observations there is nothing to consolidate.
WORTH_CONSOLIDATING = 50
_SYNC_IS_OLD = timedelta(days=1)
_HOUR = 3600
_SHOWN_RUNS = 3


def render_freshness(material: Material, *, stale_after: timedelta) -> str:
    """The section on the ages of the last sync, extraction and consolidation."""
    lines = [*_sync(material), *_extraction(material, stale_after), *_consolidation(material, stale_after)]
    return "\n".join(["## How fresh this is", "", *(f"- {line}" for line in lines)])


def _sync(material: Material) -> Iterator[str]:
    occasion = material.occasion
    if not material.git:
        return
    if material.synced_at is None:
        yield "Repositories: as they lie here; when they were fetched last is not known."
        return
    old = occasion.now - material.synced_at > _SYNC_IS_OLD
    yield _loud(f"Repositories: fetched {_ago(material, material.synced_at)}.", old, "Fetch before you build on them.")


def _extraction(material: Material, stale_after: timedelta) -> Iterator[str]:
    learned_at = material.known.learned_at
    if learned_at is None:
        yield "Memory: empty; nothing was learned from a run yet."
    else:
        old = material.occasion.now - learned_at > stale_after
        said = f"Memory: {material.known.total} observations, last learned from a run {_ago(material, learned_at)}."
        yield _loud(said, old, "Much may have changed since; look again before you build on it.")
    if waiting := [run.run_id for run in material.runs if run.worked and not run.remembered]:
        count = "1 earlier run is" if len(waiting) == 1 else f"{len(waiting)} earlier runs are"
        yield _loud(f"{count} not remembered yet ({_named(waiting)}): what is in there is missing below.", loud=True)


def _named(run_ids: list[str]) -> str:
    # Whole: the beginnings of two runs of one minute may be alike.
    named = ", ".join(f"`{run_id}`" for run_id in run_ids[:_SHOWN_RUNS])
    return named + f" and {len(run_ids) - _SHOWN_RUNS} more" * (len(run_ids) > _SHOWN_RUNS)


def _consolidation(material: Material, stale_after: timedelta) -> Iterator[str]:
    known, now = material.known, material.occasion.now
    done = known.state.vitals.get(CONSOLIDATION)
    if done is None:
        if known.total >= WORTH_CONSOLIDATING:
            yield _loud("Consolidation: never done.", loud=True, what="Expect repetition and contradiction below.")
        return
    new = known.learned_at is not None and known.learned_at > done.changed_at
    old = new and now - done.changed_at > stale_after
    yield _loud(f"Consolidation: done {_ago(material, done.changed_at)}.", old, "Expect repetition below.")


def _loud(line: str, loud: bool, what: str = "") -> str:
    return " ".join(filter(None, (f"⚠ STALE: {line}", what))) if loud else line


def _ago(material: Material, moment: datetime) -> str:
    seconds = max((material.occasion.now - moment).total_seconds(), 0)
    hours, days = int(seconds // _HOUR), int(seconds // (24 * _HOUR))
    age = f"{days} days" if days > 1 else f"{hours} h" if hours else f"{int(seconds // 60)} min"
    return f"{material.occasion.minute(moment)} ({age} ago)"
