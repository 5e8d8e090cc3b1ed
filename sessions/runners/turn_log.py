"""What the runners without a program of their own write into the transcript while a model answers."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sessions.models import Usage
from sessions.transcript import Entry, EntryKind, Transcript


class TurnLog:
    """Writes entries with their time and turn.

    `turn` is the present one, `answers` how many whole answers the run has had.
    """

    def __init__(self, transcript: Transcript, clock: Callable[[], datetime]) -> None:
        self.transcript = transcript
        self.answers = 0
        self._clock = clock
        self._turns_before = transcript.turns
        self.turn = transcript.turns

    def add(self, kind: EntryKind, text: str = "", **fields: Any) -> None:  # noqa: ANN401 - the fields of Entry
        """Write one entry of the present turn."""
        self.transcript.append(Entry(kind=kind, at=self._clock(), turn=self.turn, text=text, **fields))

    def open_turn(self) -> None:
        """An answer begins; one that is asked for again is the same turn."""
        self.turn = self._turns_before + self.answers + 1

    def close_turn(self, usage: Usage) -> None:
        """An answer has ended, whole or not, and this is what it used."""
        self.add("usage", usage=usage)
