"""Tries again to learn from runs whose transcript could not be turned into memory."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel

from sessions.agent_work import agent_run_of
from sessions.errors import RunFolderError
from sessions.interactive import interactive_home
from sessions.learned import Learned
from sessions.learning import extract_once, remember_once
from sessions.locks import HeldError, held
from sessions.run_folder import RunFolder, is_closed, read_record, runs_folder
from sessions.settings import Settings
from sessions.unlearned import owes_learning, runs_to_look_at


class Retried(BaseModel, frozen=True):
    """One run that was tried again. `problem` says why it still is not remembered; empty if it is."""

    run_id: str
    agent: str = ""
    session: str = ""
    learned: Learned = Learned()
    problem: str = ""


async def retry_learning(
    *, settings: Settings, now: Callable[[], datetime], agent: str = "", run_id: str = ""
) -> list[Retried]:
    """Extract and remember what is still open, of runs whose agent has ended; the oldest first.

    It does what the next run of the agent would do, without waiting for that, and what none does any more for a run
    that was given up. The rest of such a run, such as its artifacts, is still left to whoever finishes it.

    Args:
        settings: for the runs, the model and the memory.
        now: the clock.
        agent: only runs of this agent; empty for all.
        run_id: only this run. Empty for all.

    Raises:
        RunFolderError: there is no run `run_id`.
    """
    folders = [runs_folder(settings.home) / run_id] if run_id else _unlearned_runs(settings.home)
    if run_id and not (folders[0] / "run.json").exists():
        raise RunFolderError(f"there is no run {run_id} in {runs_folder(settings.home)}; give the id of one that is")
    tried = [await _retry(path, settings, now, agent) for path in folders]
    return [each for each in tried if each]


def _unlearned_runs(home: Path) -> list[Path]:
    # Parts of conversations that are not given up are gone on with where conversations are.
    given_up = (path for path in runs_to_look_at(interactive_home(home)) if is_closed(path))
    return [*runs_to_look_at(home), *given_up]


async def _retry(path: Path, settings: Settings, now: Callable[[], datetime], agent: str) -> Retried | None:
    try:
        with held(path):
            run = RunFolder(path, read_record(path))
            if not owes_learning(run.record) or agent not in ("", run.record.spec.agent):
                return None
            return await _learn(run, settings, now)
    except HeldError:
        return Retried(run_id=path.name, problem="it is at work, or being finished by another process")
    except RunFolderError as error:
        return Retried(run_id=path.name, problem=str(error))


async def _learn(run: RunFolder, settings: Settings, now: Callable[[], datetime]) -> Retried:
    learned = await extract_once(run, agent_run_of(run, settings), settings=settings, now=now())
    learned = remember_once(run, learned, settings=settings, now=now())
    record, notes = run.record, run.record.notes
    run.save()
    problem = "" if record.done("remembered") else notes.get("extracted") or notes.get("remembered", "")
    return Retried(
        run_id=record.run_id, agent=record.spec.agent, session=record.session, learned=learned, problem=problem
    )
