"""What an agent or a person's own session starts with: the context, built of the memory and without secrets."""

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial

from sessions.context import Context, KnownSoFar, Manifest, Material, Occasion, compose, look_up
from sessions.memory import open_memory
from sessions.memory.base import Memory
from sessions.past_runs import PastRun, past_runs
from sessions.redaction import process_redactor
from sessions.run_record import RunRecord
from sessions.settings import Settings
from sessions.workspace.base import GitState


def build_context(
    record: RunRecord,
    *,
    prompt: str,
    git: Sequence[GitState],
    settings: Settings,
    maintenance: str = "",
    open_store: Callable[[], Memory] | None = None,
) -> Context:
    """The context of a run as of when it was opened, without secrets.

    Args:
        record: the run.
        prompt: what its agent will be asked.
        git: how its repositories stand; they were brought up to date for it.
        settings: for the memory and the longest that a context may be.
        maintenance: the text of the maintenance list, if there is one.
        open_store: opens the memory that is read; None for that of `settings`, which is made if it is not there.

    Raises:
        MemoryStoreError: the memory cannot be read.
    """
    open_store = open_store or partial(open_memory, settings.memory_address)
    if record.spec.kind == "consolidation":
        from sessions.consolidation import consolidation_context  # noqa: PLC0415 - for one session of many

        return _redacted(consolidation_context(record, open_store))
    agent, now = record.spec.agent, record.opened_at
    material = Material(
        occasion=Occasion(agent=agent, session=record.session, due_at=record.slot_at, now=now, limits=record.spec),
        known=_look_up(agent, prompt, open_store),
        git=tuple(git),
        synced_at=now,
        runs=tuple(past_runs(settings.home, agent=agent, before=now, besides=record.run_id)),
        maintenance=maintenance,
    )
    return _composed(material, settings)


def build_interactive_context(
    occasion: Occasion,
    *,
    prompt: str,
    git: Sequence[GitState],
    runs: Sequence[PastRun],
    settings: Settings,
    synced_at: datetime | None = None,
) -> Context:
    """The context of a session with a person, without secrets; `synced_at` is when its repositories were fetched.

    `runs` are the agent's scheduled ones, newest first.

    Raises:
        MemoryStoreError: the memory cannot be read.
    """
    known = _look_up(occasion.agent, prompt, partial(open_memory, settings.memory_address))
    material = Material(occasion=occasion, known=known, git=tuple(git), synced_at=synced_at, runs=tuple(runs))
    return _composed(material, settings)


def _look_up(agent: str, prompt: str, open_store: Callable[[], Memory]) -> KnownSoFar:
    with closing(open_store()) as memory:
        return look_up(memory, agent=agent, prompt=prompt)


def _composed(material: Material, settings: Settings) -> Context:
    stale_after = timedelta(days=settings.stale_after_days)
    return _redacted(compose(material, most_tokens=settings.context_tokens, stale_after=stale_after))


def _redacted(context: Context) -> Context:
    redact = process_redactor()
    manifest = Manifest.model_validate(redact.value(context.manifest.model_dump(mode="json")))
    return Context(text=redact(context.text), manifest=manifest)
