"""Removes all that a run left on this machine."""

import os
import shutil
import stat
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sessions.day_budget import keep_spent
from sessions.errors import RunFolderError
from sessions.run_folder import read_record, runs_folder
from sessions.run_record import RunRecord
from sessions.settings import Settings
from sessions.unlearned import is_kept
from sessions.workspace import forget_run


def delete_leftovers(run_id: str, settings: Settings) -> None:
    """Remove a run's folder, with transcript, report and workspace; its commits that were never pushed stay.

    One that left nothing here is fine. What it used of its agent's day stays known.

    Raises:
        RepositoryError: a mirror cannot be tidied; the folder stays for another try.
        RunFolderError: the folder cannot be removed.
    """
    folder = runs_folder(settings.home) / run_id
    if not folder.exists():
        return
    record = _record(folder)
    if record and record.spec.repos:
        forget_run(session=record.session, run_id=run_id, settings=settings)
    if record:
        keep_spent(record, settings)
    _remove(folder)


def closed_before(home: Path, moment: datetime) -> list[UUID]:
    """The ids of the runs in this home that were closed before `moment`, without those still to be learned from."""
    marks = runs_folder(home).glob("*/closed")
    old = (mark.parent for mark in marks if mark.stat().st_mtime < moment.timestamp())
    return [UUID(folder.name) for folder in old if not is_kept(folder)]


def _record(folder: Path) -> RunRecord | None:
    try:
        return read_record(folder)
    except RunFolderError:
        # It names no repository then; the folder is all there is.
        return None


def _remove(folder: Path) -> None:
    try:
        # Agents leave folders that nobody may write to: caches of package managers, for one.
        for path, inner, _ in os.walk(folder):
            for each in (Path(path) / name for name in inner):
                if not each.is_symlink():
                    each.chmod(stat.S_IRWXU)
        shutil.rmtree(folder)
    except OSError as error:
        raise RunFolderError(f"{folder} cannot be removed: {error.strerror or error}") from error
