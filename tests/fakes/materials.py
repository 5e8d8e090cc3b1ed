"""What a context is made of, made up."""

from datetime import UTC, datetime, timedelta

from sessions.context import Context, KnownSoFar, Material, Occasion, compose
from sessions.memory.changes import Believe, Change, CloseThread, FadeBelief, OpenThread, SetProject, SetVital
from sessions.memory.state import State
from sessions.memory.things import JournalEntry, Observation
from sessions.spec import SessionSpec
from tests.fakes.observations import MIDNIGHT

SLOT = datetime(2026, 11, 20, 2, tzinfo=UTC)


def said(kind: type, number: int = 0, *, at: datetime = MIDNIGHT, **fields: object) -> Change:
    """A change of agent `main`, made by `run-1`."""
    given = {"id": f"{kind.__name__}-{number}-{fields}", "agent": "main", "run": "run-1", "at": at}
    change: Change = kind.model_validate(given | fields)
    return change


def thread(number: int, tag: str = "solo", text: str = "", **fields: object) -> Change:
    return said(OpenThread, number, thread=f"thread-{number}", tag=tag, text=text or f"Question {number}?", **fields)


def belief(number: int, text: str = "", confidence: float = 0.5, **fields: object) -> Change:
    words = text or f"Door {number} matters."
    return said(Believe, number, belief=f"belief-{number}", text=words, confidence=confidence, **fields)


def faded(number: int, reason: str, **fields: object) -> Change:
    return said(FadeBelief, number, belief=f"belief-{number}", reason=reason, **fields)


def closed(number: int, reason: str = "done") -> Change:
    return said(CloseThread, number, thread=f"thread-{number}", reason=reason)


def project(name: str, status: str, **fields: object) -> Change:
    return said(SetProject, name=name, status=status, **fields)


def vital(name: str, value: str, **fields: object) -> Change:
    return said(SetVital, name=name, value=value, **fields)


def known(
    *changes: Change,
    relevant: list[Observation] | None = None,
    latest: list[Observation] | None = None,
    journal: list[JournalEntry] | None = None,
    total: int | None = None,
) -> KnownSoFar:
    """What a memory holds after `changes`, with these observations and entries."""
    state = State.read(changes)
    state.journal = {entry.id: entry for entry in journal or []}
    found = len(relevant or []) + len(latest or [])
    return KnownSoFar(
        state=state, relevant=relevant or [], latest=latest or [], total=found if total is None else total
    )


def an_occasion(**fields: object) -> Occasion:
    """Session `doors` of agent `main`, at its slot."""
    spec = SessionSpec.model_validate({"prompt": "Look.", "timeout_seconds": 60})
    given = {"agent": "main", "session": "doors", "due_at": SLOT, "now": SLOT, "limits": spec}
    return Occasion.model_validate(given | fields)


def written(
    so_far: KnownSoFar | None = None, *, most_tokens: int = 6000, occasion: Occasion | None = None, **fields: object
) -> Context:
    """The context of that."""
    material = Material.model_validate(
        {"occasion": occasion or an_occasion(), "known": so_far or KnownSoFar()} | fields
    )
    return compose(material, most_tokens=most_tokens, stale_after=timedelta(days=7))
