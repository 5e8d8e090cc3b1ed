"""A person's own conversations with Claude Code, kept apart from the runs of the schedule.

    <home>/interactive/
        conversations/ID.json     one conversation: whose memory it feeds, and how much of it was learned from
        conversations/ID.ended    there while it is over
        contexts/ID.md, ID.json   what it began with, and where each line of that came from
        runs/<run id>/            what was learned from at one time, with the files of a run

A conversation is learned from when it ended or was quiet for a while, and again when it went on: each part is a run of
its own, which can be taken back by itself. The ids of the parts follow from the conversation, so that a part whose
process died is gone on with and never done twice.
"""

import os
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ValidationError

from sessions.errors import RunFolderError
from sessions.files import write_whole
from sessions.interactive_transcript import Said


class Conversation(BaseModel):
    """One conversation: `learned_through` is the last line that was learned from, `learned_bytes` its length then."""

    session_id: str
    agent: str
    transcript: Path
    learned_through: str = ""
    learned_bytes: int = 0

    @property
    def has_news(self) -> bool:
        """Whether the transcript is there and has changed since it was learned from."""
        return _size(self.transcript) not in (0, self.learned_bytes)

    @property
    def next_run_id(self) -> str:
        """The id of the run that learns from what comes after `learned_through`."""
        named = f"{self.session_id}/{self.learned_through}"
        return str(UUID(bytes=sha256(named.encode()).digest()[:16], version=4))

    def unlearned(self, said: Sequence[Said]) -> list[Said]:
        """What was said since it was learned from last."""
        lines = [each.line for each in said]
        known = max((place + 1 for place, line in enumerate(lines) if line == self.learned_through), default=0)
        return list(said[known:])


def interactive_home(home: Path) -> Path:
    """The home of interactive runs, which have folders like those of scheduled ones."""
    return home / "interactive"


def conversations_folder(home: Path) -> Path:
    """Where the conversations are written down."""
    return interactive_home(home) / "conversations"


def note_conversation(home: Path, seen: Conversation, *, ended: bool) -> Path:
    """Write a conversation down when it is seen first, and each time whether it is over; returns its file.

    Its agent stays the one of the first time: hooks of a project and of its person may name two.

    Raises:
        RunFolderError: the disk does not take it.
    """
    path = conversations_folder(home) / f"{seen.session_id}.json"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            save_conversation(path, seen)
        mark = path.with_suffix(".ended")
        if ended:
            mark.touch()
        else:
            mark.unlink(missing_ok=True)
    except OSError as error:
        raise RunFolderError(f"{path} cannot be written: {error.strerror}; mend it or set SESSIONS_HOME") from error
    return path


def save_conversation(path: Path, conversation: Conversation) -> None:
    """Write it down, whole or not at all.

    Raises:
        RunFolderError: the disk does not take it.
    """
    try:
        write_whole(path, conversation.model_dump_json(indent=1))
    except OSError as error:
        raise RunFolderError(f"{path} cannot be written: {error.strerror}; mend it or set SESSIONS_HOME") from error


def read_conversation_file(path: Path) -> Conversation:
    """The conversation that was written down at `path`.

    Raises:
        RunFolderError: it cannot be read.
    """
    try:
        return Conversation.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise RunFolderError(f"{path} cannot be read as a conversation; delete it to begin anew") from error


def is_over(path: Path, *, now: float, quiet_seconds: float) -> bool:
    """Whether the conversation at `path` has ended, or nothing was said in it for `quiet_seconds`.

    Args:
        path: its file.
        now: seconds since the epoch.
        quiet_seconds: a terminal that is closed ends a conversation without a word.
    """
    if path.with_suffix(".ended").exists():
        return True
    try:
        return now - os.stat(read_conversation_file(path).transcript).st_mtime >= quiet_seconds  # noqa: PTH116
    except OSError:
        return True


def conversations(home: Path) -> Iterator[Path]:
    """The files of all conversations, by name."""
    yield from sorted(conversations_folder(home).glob("*.json"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
