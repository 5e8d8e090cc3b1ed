"""What a run leaves in memory: extracted once, remembered once, however often its process dies in between."""

import asyncio
from contextlib import closing
from datetime import datetime

from pydantic import ValidationError

from sessions.errors import ExtractionError, MemoryStoreError, ModelError, RunFolderError
from sessions.extraction import Keeping, extract
from sessions.extraction_prompt import KnownMemories, recall_known
from sessions.interactive import interactive_home
from sessions.learned import Learned, Who
from sessions.memory import open_memory
from sessions.memory.changes import Change
from sessions.models import require_enabled
from sessions.pending_changes import FILE_NAME, read_pending_changes
from sessions.redaction import process_redactor
from sessions.run_folder import RunFolder
from sessions.runners.base import AgentRun
from sessions.settings import Settings


async def extract_once(run: RunFolder, agent_run: AgentRun, *, settings: Settings, now: datetime) -> Learned:
    """What the run taught, from the run's folder if it was extracted before, by a model call if not.

    A call that fails leaves a note for the report, and the step open for the next run to try again; what the agent
    wrote to its memory itself is there in any case.

    Raises:
        RunFolderError: what was kept of the run cannot be read, or the disk does not take it.
    """
    if run.record.done("extracted"):
        return read_learned(run)
    learned = _written_before(run)
    if learned is None:
        who = _who(run, settings, now)
        written = read_pending_changes(run.path / FILE_NAME, agent=who.agent, run=who.run)
        try:
            learned = await _extract(agent_run, written, who, settings)
        except (ExtractionError, MemoryStoreError, ModelError) as error:
            run.note("extracted", str(error))
            return Keeping(agent_run, KnownMemories(), who, process_redactor()).keep(None, written)
        run.write(run.learned_path, learned.model_dump_json(indent=1))
    run.mark("extracted", now)
    return learned


def _who(run: RunFolder, settings: Settings, now: datetime) -> Who:
    record, attended = run.record, run.path.is_relative_to(interactive_home(settings.home))
    return Who(
        run=record.run_id,
        agent=record.spec.agent,
        session=record.session,
        now=now,
        attended=attended,
        workflow_prompt=record.workflow.startup_prompt if record.workflow else "",
    )


def _written_before(run: RunFolder) -> Learned | None:
    """What a process extracted that died before it could say so."""
    try:
        return read_learned(run)
    except RunFolderError:
        return None


async def _extract(agent_run: AgentRun, written: list[Change], who: Who, settings: Settings) -> Learned:
    model = require_enabled(settings.extraction_model, enabled=settings.enabled_models, extra_file=settings.models_file)
    known = await asyncio.to_thread(_look_up, agent_run, who, settings)
    redact = process_redactor()
    return await extract(agent_run, known, written, who=who, model=model, settings=settings, redact=redact)


def _look_up(agent_run: AgentRun, who: Who, settings: Settings) -> KnownMemories:
    with closing(open_memory(settings.memory_address)) as memory:
        return recall_known(memory, agent_run, agent=who.agent, now=who.now)


def read_learned(run: RunFolder) -> Learned:
    """What was extracted from the run before.

    Raises:
        RunFolderError: the file is gone or is not one.
    """
    try:
        return Learned.model_validate_json(run.learned_path.read_bytes())
    except (OSError, ValidationError) as error:
        raise RunFolderError(f"{run.learned_path} cannot be read as what the run learned") from error


def remember_once(run: RunFolder, learned: Learned, *, settings: Settings, now: datetime) -> Learned:
    """Store what the run taught, all or nothing; a memory that cannot take it leaves a note and the step open.

    Without an extraction that is what the agent wrote itself; the step then stays open for the rest.

    Returns:
        What the memory took. What it would not is left out, in the run's folder too.

    Raises:
        RunFolderError: the disk does not take it.
    """
    if run.record.done("remembered") or not (learned.changes or run.record.done("extracted")):
        return learned
    try:
        with closing(open_memory(settings.memory_address)) as memory:
            void = memory.apply(learned.changes).void
    except MemoryStoreError as error:
        run.note("remembered", str(error))
        return learned
    learned = learned.without(void)
    if run.record.done("extracted"):
        if void:
            run.write(run.learned_path, learned.model_dump_json(indent=1))
        run.mark("remembered", now)
    return learned
