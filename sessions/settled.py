"""Which closed runs are known to have ended on the server too: a process can die between the two."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sessions.locks import HeldError, held
from sessions.run_folder import RunFolder, is_closed, read_record, runs_folder

#: A run that closed less long ago is about to tell the server itself.
GRACE = timedelta(seconds=60)


def unsettled_runs(home: Path) -> list[Path]:
    """Folders of runs that are not known to have ended on the server; settled ones carry a mark."""
    folders = runs_folder(home)
    found = folders.iterdir() if folders.is_dir() else ()
    return [path for path in found if (path / "run.json").exists() and not (path / "settled").exists()]


@contextmanager
def hold_unsettled(path: Path, now: datetime) -> Iterator[RunFolder | None]:
    """A run that has been closed for a while; None if it has not, or a process is at work on it.

    Raises:
        RunFolderError: the record cannot be read.
    """
    try:
        with held(path):
            run = RunFolder(path, read_record(path))
            closed_at = run.record.steps.get("closed")
            yield run if closed_at and now - closed_at >= GRACE else None
    except HeldError:
        yield None


def settle(run: RunFolder, at: datetime) -> None:
    """Mark the run as one that has ended on the server too.

    Raises:
        RunFolderError: the disk does not take it.
    """
    if not is_closed(run.path):  # its process died between the record and the mark
        run.write(run.path / "closed", at.isoformat())
    run.write(run.path / "settled", at.isoformat())
