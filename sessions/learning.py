"""What a run leaves in memory: extracted once, remembered once, however often its process dies in between."""

from contextlib import closing
from datetime import datetime

from pydantic import ValidationError

from sessions.errors import ExtractionError, MemoryStoreError, ModelError, RunFolderError
from sessions.extraction import Learned, extract
from sessions.memory import open_memory
from sessions.models import require_enabled
from sessions.run_folder import RunFolder
from sessions.runners.base import AgentRun
from sessions.settings import Settings


async def extract_once(run: RunFolder, agent_run: AgentRun, *, settings: Settings, now: datetime) -> Learned:
    """What the run taught, from the run's folder if it was extracted before, by a model call if not.

    A call that fails leaves a note for the report, and the step open for the next run to try again.
    """
    if run.record.done("extracted"):
        return read_learned(run)
    record = run.record
    try:
        learned = await extract(
            agent_run,
            run_id=record.run_id,
            agent=record.spec.agent,
            session=record.session,
            model=require_enabled(
                settings.extraction_model, enabled=settings.enabled_models, extra_file=settings.models_file
            ),
            settings=settings,
            now=now,
        )
    except (ExtractionError, ModelError) as error:
        run.note("extracted", str(error))
        return Learned()
    run.write(run.learned_path, learned.model_dump_json(indent=1))
    run.mark("extracted", now)
    return learned


def read_learned(run: RunFolder) -> Learned:
    """What was extracted from the run before.

    Raises:
        RunFolderError: the file is gone or is not one.
    """
    try:
        return Learned.model_validate_json(run.learned_path.read_bytes())
    except (OSError, ValidationError) as error:
        raise RunFolderError(f"{run.learned_path} cannot be read as what the run learned") from error


def remember_once(run: RunFolder, learned: Learned, *, settings: Settings, now: datetime) -> None:
    """Store what the run taught, all or nothing; a memory that cannot take it leaves a note and the step open."""
    if run.record.done("remembered") or not run.record.done("extracted"):
        return
    try:
        with closing(open_memory(settings.memory_address)) as memory:
            memory.remember(learned.observations, learned.journal)
    except MemoryStoreError as error:
        run.note("remembered", str(error))
        return
    run.mark("remembered", now)
