"""What a consolidation comes to: the steps that it takes and refuses, and the changes that they make."""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel

from sessions.memory.changes import Change

#: So much one run may change, and no more: a bad answer spoils little, and its diff can be read.
MOST_CHANGES = 40
_FULL = f"a run changes at most {MOST_CHANGES} things"
Kind = Literal["merge", "insight", "belief", "fade", "fade belief", "close thread"]


class Words(BaseModel, frozen=True):
    """Something of the memory in a diff: its id and what it says. What was refused and would be new has no id."""

    id: str = ""
    text: str


class Step(BaseModel, frozen=True):
    """One thing that the model asked for: what goes, what comes, on what it rests and why; or why it is refused."""

    kind: Kind
    gone: tuple[Words, ...] = ()
    come: tuple[Words, ...] = ()
    rests_on: tuple[Words, ...] = ()
    reason: str = ""
    refused: str = ""
    changes: tuple[Change, ...] = ()


class Plan(BaseModel, frozen=True):
    """All steps in their order."""

    steps: tuple[Step, ...] = ()

    @property
    def taken(self) -> list[Step]:
        """Those that are not refused."""
        return [step for step in self.steps if not step.refused]

    @property
    def changes(self) -> list[Change]:
        """What is to be applied, in this order."""
        return [change for step in self.taken for change in step.changes]

    @property
    def in_words(self) -> str:
        """How many steps of each kind there are: `2 merge, 1 fade; 3 refused`."""
        kinds = [step.kind for step in self.taken]
        counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
        refused = len(self.steps) - len(kinds)
        return (counts or "nothing changed") + f"; {refused} refused" * bool(refused)


def within_cap(steps: Iterable[Step]) -> Plan:
    """The plan of these steps, those refused that would make more than `MOST_CHANGES`. A step is taken whole or not."""
    left, kept = MOST_CHANGES, []
    for step in steps:
        fits = len(step.changes) <= left
        left -= len(step.changes) * fits
        kept.append(step if fits else step.model_copy(update={"refused": _FULL, "changes": ()}))
    return Plan(steps=tuple(kept))
