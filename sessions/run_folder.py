"""A run's own files: what it was asked, how far it came, and what it left, safe against a crash at any step.

    <home>/runs/<run id>/
        run.json          the record: parameters, steps done, outcome, receipts
        context.md        what the agent was told before it started
        context.json      what of it came from where, and what was left out
        transcript.jsonl  what it said and did
        memory_changes.jsonl  what the agent wrote to its memory, to be applied with that
        learned.json      what was extracted from that
        report.md         what was delivered
        workspace/        where it worked

A step that stands in the record is done and is not done again, whoever goes on with the run: the same process, a
retried pod, or the next run of any session.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from sessions.channels.base import Receipt
from sessions.errors import RunFolderError
from sessions.files import write_whole
from sessions.locks import HeldError, held
from sessions.run_record import RunRecord, Step

#: What must be done before a run is closed.
TO_CLOSE: tuple[Step, ...] = ("agent_ended", "extracted", "remembered", "committed", "delivered", "published")
#: What fails for the moment, such as a model that is overloaded, is tried again for so long.
PATIENCE = timedelta(days=7)
#: A run whose finishing dies, again and again, is left alone after so many attempts.
MOST_ATTEMPTS = 5


class RunFolder:
    """One run's folder, held by the one process that works on it. Made by `hold_run`."""

    def __init__(self, path: Path, record: RunRecord) -> None:
        self.path = path
        self.record = record
        self.context_path = path / "context.md"
        self.manifest_path = path / "context.json"
        self.transcript_path = path / "transcript.jsonl"
        self.learned_path = path / "learned.json"
        self.report_path = path / "report.md"
        self.workspace_path = path / "workspace"

    def save(self) -> None:
        """Write the record down.

        Raises:
            RunFolderError: the disk does not take it.
        """
        self.write(self.path / "run.json", self.record.model_dump_json(indent=1))

    def mark(self, step: Step, at: datetime) -> None:
        """Write down that `step` is done.

        Raises:
            RunFolderError: the disk does not take it.
        """
        self.record.steps[step] = at
        self.record.notes.pop(step, None)
        self.save()

    def receipt(self, fresh: Receipt) -> Receipt:
        """The receipt with the key of `fresh` as it was kept last, or `fresh` itself."""
        return next((kept for kept in self.record.receipts if kept.key == fresh.key), fresh)

    def keep_receipt(self, receipt: Receipt) -> None:
        """Write a receipt down, in place of its earlier state.

        Raises:
            RunFolderError: the disk does not take it.
        """
        others = [kept for kept in self.record.receipts if kept.key != receipt.key]
        self.record.receipts = [*others, receipt]
        self.save()

    def count_attempt(self) -> None:
        """Write down that somebody sets out to finish the run, before anything can go wrong.

        Raises:
            RunFolderError: the disk does not take it.
        """
        self.record.attempts += 1
        self.save()

    def note(self, step: Step, sentence: str) -> None:
        """Keep for the report why `step` is not done, in a sentence; it is gone as soon as that is."""
        self.record.notes[step] = sentence

    def make_folder(self, name: str) -> Path:
        """A folder of the run's own.

        Raises:
            RunFolderError: the disk does not take it.
        """
        folder = self.path / name
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise RunFolderError(f"{folder} cannot be made: {error.strerror}; free some space or mend it") from error
        return folder

    def write(self, path: Path, text: str) -> None:
        """Write one of the run's files, whole or not at all.

        Raises:
            RunFolderError: the disk does not take it.
        """
        try:
            write_whole(path, text)
        except OSError as error:
            raise RunFolderError(f"{path} cannot be written: {error.strerror}; free some space or mend it") from error

    def discard(self, path: Path) -> None:
        """Remove one of the run's files, or whatever stands in its place, if there is one.

        Raises:
            RunFolderError: it cannot be removed.
        """
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
        except OSError as error:
            raise RunFolderError(f"{path} cannot be removed: {error.strerror}; remove it") from error


def runs_folder(home: Path) -> Path:
    """Where the folders of all runs are."""
    return home / "runs"


def read_record(path: Path) -> RunRecord:
    """The record in a run's folder, without holding it.

    Raises:
        RunFolderError: there is none, or it is not one.
    """
    try:
        return RunRecord.model_validate_json((path / "run.json").read_bytes())
    except OSError as error:
        raise RunFolderError(f"{path / 'run.json'} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise RunFolderError(f"{path / 'run.json'} is not a run record: {error.errors()[0]['msg']}") from error


@contextmanager
def hold_run(home: Path, first: RunRecord) -> Iterator[RunFolder]:
    """The folder of a run, made if it is new and continued if it is not, held against every other process.

    Args:
        home: the local state, `Settings.home`.
        first: the record with which a new run begins; an existing folder keeps its own.

    Raises:
        HeldError: another process holds it.
        RunFolderError: the disk does not take it.
    """
    path = runs_folder(home) / first.run_id
    with held(path):
        exists = (path / "run.json").exists()
        folder = RunFolder(path, read_record(path) if exists else first)
        folder.save()
        yield folder


@contextmanager
def hold_interrupted(path: Path, *, agent: str = "", session: str = "") -> Iterator[RunFolder | None]:
    """A run that was left before it was closed; None if it is closed, or still held by a process.

    Args:
        path: the run's folder.
        agent: only a run of this agent, or of `session`; both empty takes any.
        session: the same for a session, whose agent may have been another one then.

    Raises:
        RunFolderError: the record cannot be read.
    """
    try:
        with held(path):
            record = read_record(path)
            ours = agent in ("", record.spec.agent) or session == record.session
            wanted = not record.done("closed") and ours
            yield RunFolder(path, record) if wanted else None
    except HeldError:
        yield None


def unfinished_runs(home: Path) -> list[Path]:
    """Folders of runs that are not closed, oldest first. Closed ones carry a mark, so that a look is cheap."""
    folders = runs_folder(home)
    if not folders.is_dir():
        return []
    open_ones = (path for path in folders.iterdir() if (path / "run.json").exists() and not is_closed(path))
    return sorted(open_ones, key=lambda path: path.stat().st_ctime)


def is_closed(path: Path) -> bool:
    """Whether nothing is left to do for the run in this folder."""
    return (path / "closed").exists()


def close_run(run: RunFolder, at: datetime) -> None:
    """Mark the run as closed: nothing is left to do for it.

    Raises:
        RunFolderError: the disk does not take it.
    """
    # The agent's home holds the runner's own copy of the conversation, which nobody redacted.
    shutil.rmtree(run.path / "home", ignore_errors=True)
    run.mark("closed", at)
    run.write(run.path / "closed", at.isoformat())


def close_if_done(run: RunFolder, at: datetime) -> None:
    """Close the run, unless a step is still to be done and worth another try; its files stay in any case.

    Raises:
        RunFolderError: the disk does not take it.
    """
    run.record.attempts = 0
    if all(run.record.done(step) for step in TO_CLOSE) or is_too_old(run.record, at):
        close_run(run, at)
    else:
        run.save()


def is_too_old(record: RunRecord, at: datetime) -> bool:
    """Whether what is still to be done for a run has been tried for long enough."""
    return at - record.steps.get("agent_ended", record.opened_at) > PATIENCE
