"""What one run taught its agent: the changes to its memory, what they speak of, and what could not be kept."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Literal, TypeVar

from pydantic import BaseModel

from sessions.memory.changes import (
    Add,
    Believe,
    Change,
    CloseThread,
    Confirm,
    Fade,
    FadeBelief,
    OpenThread,
    Strengthen,
    Supersede,
    WriteJournal,
)
from sessions.memory.things import JournalEntry, Observation
from sessions.models import Usage

_MOST_TOLD, _TOLD_CHARACTERS = 100, 300
C = TypeVar("C", bound=BaseModel)


class Who(BaseModel, frozen=True):
    """Whose changes are made, in which run of which session, and when.

    `attended` says that a person was there. `workflow_prompt` is what a workflow in git led the prompt with: words of
    whoever can write to its repository.
    """

    run: str
    agent: str
    session: str
    now: datetime
    attended: bool = False
    workflow_prompt: str = ""


LeftOutKind = Literal["observation", "belief", "thread", "journal", "change"]


class LeftOut(BaseModel, frozen=True):
    """Something that was not kept, and why, in a clause."""

    kind: LeftOutKind
    text: str
    why: str


class Learned(BaseModel, extra="forbid"):
    """What one run taught.

    `texts` says what the ids mean that the changes speak of. `left_out` tells of the first that were not kept, and
    `left_out_count` counts all of them. Tokens and US dollars are those of the extraction.
    """

    changes: list[Change] = []
    texts: dict[str, str] = {}
    left_out: list[LeftOut] = []
    left_out_count: int = 0
    usage: Usage = Usage()
    cost_usd: float = 0.0

    def of_kind(self, kind: type[C]) -> list[C]:
        """The changes of one kind."""
        return [change for change in self.changes if isinstance(change, kind)]

    @property
    def observations(self) -> list[Observation]:
        """The new observations that an agent gets to see."""
        return [change.observation for change in self.of_kind(Add) if not change.quarantined]

    @property
    def added(self) -> list[Observation]:
        """Those of them that stand in the place of no other."""
        successors = {change.successor for change in self.of_kind(Supersede)}
        return [item for item in self.observations if item.id not in successors]

    @property
    def quarantined(self) -> list[Add]:
        """The new observations that only a person gets to see."""
        return [change for change in self.of_kind(Add) if change.quarantined]

    @property
    def journal(self) -> JournalEntry | None:
        """The run's journal entry, as it was written last."""
        written = self.of_kind(WriteJournal)
        return written[-1].entry if written else None

    def summary(self) -> str:
        """All of it in one line of numbers; empty if there is nothing."""
        counts = {
            "added": len(self.added),
            "confirmed": len(self.of_kind(Confirm)),
            "superseded": len(self.of_kind(Supersede)),
            "faded": len(self.of_kind(Fade)),
            "beliefs": len(self.of_kind(Believe)) + len(self.of_kind(Strengthen)) + len(self.of_kind(FadeBelief)),
            "threads": len(self._threads),
            "quarantined": len(self.quarantined),
            "left out": self.left_out_count,
        }
        return ", ".join(
            f"{count} {what.removesuffix('s') if count == 1 else what}" for what, count in counts.items() if count
        )

    @property
    def _threads(self) -> set[str]:
        """Those that were opened or closed; a question that the same run got answered is one, and not two."""
        opened, closed = self.of_kind(OpenThread), self.of_kind(CloseThread)
        return {change.thread for change in opened} | {change.thread for change in closed}

    def without(self, void: Mapping[str, str]) -> "Learned":
        """The same where the store would not take some changes, by their ids, each with the reason."""
        refused = [change for change in self.changes if change.id in void]
        told = [LeftOut(kind="change", text=said_by(change), why=void[change.id]) for change in refused]
        kept = [change for change in self.changes if change.id not in void]
        return self.model_copy(update={"changes": kept}).leaving_out(told)

    def leaving_out(self, more: Collection[LeftOut]) -> "Learned":
        """The same with more that was not kept."""
        told = [*self.left_out, *(_told(each) for each in more)][:_MOST_TOLD]
        return self.model_copy(update={"left_out": told, "left_out_count": self.left_out_count + len(more)})


def _told(left_out: LeftOut) -> LeftOut:
    return left_out.model_copy(update={"text": left_out.text[:_TOLD_CHARACTERS]})


def said_by(change: Change) -> str:
    """What a change says that an agent may get to read one day."""
    match change:
        case Add():
            return change.observation.text
        case Believe() | OpenThread():
            return change.text
        case WriteJournal():
            return "\n".join(journal_fields(change.entry).values())
        case _:
            return "\n".join(_words_of(change))


def _words_of(change: Change) -> Iterator[str]:
    said = change.model_dump(include={"reason", "name", "value", "note", "status", "blocking", "waiting_for"})
    yield from (str(value) for value in said.values() if value)


def journal_fields(entry: JournalEntry) -> dict[str, str]:
    """What a journal entry says, by field, without what is empty."""
    told = entry.model_dump(include={"theme", "built", "noticed", "changed", "assumptions", "next"})
    return {name: text for name, text in told.items() if text.strip()}
