"""Runs that are not in the memory yet: they and their transcripts are kept until they are, however old or closed."""

from datetime import datetime
from pathlib import Path

from sessions.errors import RunFolderError
from sessions.run_folder import RunFolder, is_closed, read_record, runs_folder
from sessions.run_record import RunRecord


def owes_learning(record: RunRecord) -> bool:
    """Whether the run's agent ended and what it did is not in the memory yet."""
    return record.done("agent_ended") and not record.done("remembered")


def runs_to_look_at(home: Path) -> list[Path]:
    """Folders of runs that may not be learned from yet, oldest first: the unfinished, the unlearned, the unreadable."""
    folders = (path for path in runs_folder(home).glob("*/") if (path / "run.json").exists())
    open_ones = (path for path in folders if is_kept(path))
    return sorted(open_ones, key=lambda path: (path.stat().st_ctime, path.name))


def is_kept(path: Path) -> bool:
    """Whether something of the run in this folder is still to be done, or to be learned and may be tried again."""
    if not is_closed(path):
        return True
    try:
        return owes_learning(read_record(path))
    except RunFolderError:
        # Nothing can be learned from it either.
        return False


def pass_over(run: RunFolder, at: datetime) -> None:
    """Take what the run did for learned: its agent is made to forget.

    Raises:
        RunFolderError: the disk does not take it.
    """
    run.mark("extracted", at)
    run.mark("remembered", at)
