"""What an agent wrote to its memory while it ran: kept in the run's folder, one change a line, and applied afterwards.

The store itself is out of the agent's reach. What its run ended with, good or bad, is looked at before it is applied.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from sessions.errors import RunFolderError
from sessions.memory.changes import CHANGE, Change
from sessions.redaction import Redactor

#: What the file is called in a run's folder.
FILE_NAME = "memory_changes.jsonl"
#: A run writes so often and no more, by its tools and what its questions leave behind together.
MOST_CHANGES = 40
#: What an agent may write itself. Observations and new beliefs come from what it said and did, by extraction.
AGENT_OPS = frozenset(
    {"open_thread", "close_thread", "strengthen", "fade_belief", "write_journal", "set_vital", "set_project"}
)


class PendingChanges:
    """The changes of one run, in the order in which they were written; safe against a crash between any two."""

    def __init__(self, path: Path, *, agent: str, run: str, redact: Redactor) -> None:
        self.agent = agent
        self.run = run
        self._path = path
        self._redact = redact
        self._changes = read_pending_changes(path, agent=agent, run=run)

    @property
    def changes(self) -> Sequence[Change]:
        """All that was written."""
        return self._changes

    @property
    def is_full(self) -> bool:
        """Whether the run has written as much as it may."""
        return len(self._changes) >= MOST_CHANGES

    def holds(self, id_: str) -> bool:
        """Whether the change with that id was written."""
        return any(change.id == id_ for change in self._changes)

    def append(self, change: Change) -> bool:
        """Write a change down without secrets; returns whether it is there, which it is not once the run has its fill.

        Raises:
            RunFolderError: the disk does not take it.
        """
        if self.holds(change.id):
            return True
        if self.is_full:
            return False
        clean = CHANGE.validate_python(self._redact.value(change.model_dump(mode="json")))
        self._write(clean)
        self._changes.append(clean)
        return True

    def _write(self, change: Change) -> None:
        try:
            with self._path.open("ab+") as file:
                # A line that a crash tore stays what it is: unreadable, and on its own.
                torn = file.tell() and not _ends_whole(self._path)
                file.write(b"\n" * bool(torn) + change.model_dump_json().encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RunFolderError(f"{self._path} cannot be written: {error.strerror}; free some space") from error


def _ends_whole(path: Path) -> bool:
    return path.read_bytes().endswith(b"\n")


def read_pending_changes(path: Path, *, agent: str, run: str) -> list[Change]:
    """What a run's file holds that its agent may have written: of its own, of the kinds that it can, and no more of it.

    An agent with a shell may reach the file. What somebody put there by hand in another's name is left out.

    Raises:
        RunFolderError: the file cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror}") from error
    found: dict[str, Change] = {}
    for line in lines:
        try:
            change = CHANGE.validate_json(line)
        except ValidationError:
            continue  # torn, or not written by us
        if change.op in AGENT_OPS and (change.agent, change.run, change.origin) == (agent, run, "agent"):
            found.setdefault(change.id, change)
    return list(found.values())[:MOST_CHANGES]
