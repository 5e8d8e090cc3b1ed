"""What a person changes in a memory by hand. Each correction is a run of its own, so that it can be taken back."""

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from pydantic import BaseModel

from sessions.memory.base import Memory
from sessions.memory.changes import (
    Change,
    CloseThread,
    Fade,
    FadeBelief,
    OpenThread,
    Release,
    SetProject,
    SetVital,
    WriteJournal,
    identity,
)
from sessions.memory.state import State
from sessions.memory.things import JournalEntry, Origin, ThreadTag
from sessions.memory_ids import Named, NotInMemoryError

#: What a project, a vital or a journal entry says in the log from then on.
_FADED = "faded"


class Signature(TypedDict):
    """The fields that all changes of one correction have in common."""

    agent: str
    run: str
    at: datetime
    origin: Origin


class Author(BaseModel, frozen=True):
    """Who corrects: `run` is the correction's own id, `at` when it was made."""

    run: str
    at: datetime

    @classmethod
    def by_hand(cls, id_: UUID, at: datetime) -> "Author":
        """A person, whose correction gets the random id `id_`."""
        return cls(run=f"by-hand-{id_.hex[:12]}", at=at)

    def signs(self, agent: str) -> Signature:
        """What each of its changes to the memory of `agent` says."""
        return Signature(agent=agent, run=self.run, at=self.at, origin="owner")


def release(memory: Memory, named: Named, author: Author, *, reason: str) -> None:
    """Let the agent see a quarantined observation.

    Raises:
        NotInMemoryError: it is not quarantined.
    """
    (item,) = memory.observations([named.id])
    if item.status != "quarantined":
        raise NotInMemoryError(f"observation {named.id} is {item.status}, not quarantined; nothing was changed")
    change = identity("release", named.id, author.run)
    _apply(memory, Release(id=change, observation=named.id, reason=reason, **author.signs(named.agent)))


def fade(memory: Memory, named: Named, author: Author, *, reason: str) -> None:
    """Say that something does not count any more: it is not shown to the agent, and stays in the history.

    An observation does not matter, a belief is not held, a project or vital is gone until it is set anew, and of a run
    its journal entry is. What else the run taught stays.

    Raises:
        NotInMemoryError: it is not shown to the agent anyway.
    """
    if named.kind in ("observation", "belief"):
        _apply(memory, _faded_by_id(memory, named, author, reason))
    else:
        _apply(memory, _faded_by_name(memory.state(agent=named.agent), named, author, reason))


def _faded_by_id(memory: Memory, named: Named, author: Author, reason: str) -> Fade | FadeBelief:
    change = identity("fade", named.id, author.run)
    if named.kind == "belief":
        belief = memory.state(agent=named.agent).beliefs.get(named.id)
        if belief is None or belief.faded_at:
            raise NotInMemoryError(f"belief {named.id} is not held; nothing was changed")
        return FadeBelief(id=change, belief=named.id, reason=reason, **author.signs(named.agent))
    (item,) = memory.observations([named.id])
    if item.status != "active":
        raise NotInMemoryError(f"observation {named.id} is {item.status}, not active; nothing was changed")
    return Fade(id=change, observation=named.id, reason=reason, **author.signs(named.agent))


def _faded_by_name(state: State, named: Named, author: Author, reason: str) -> SetProject | SetVital | WriteJournal:
    """A change of the kind that set it: whoever reads the log and knows no fading is told by its words."""
    change = identity("fade", named.kind, named.id, author.run)
    if named.kind == "project" and named.id in state.projects:
        signature = author.signs(named.agent)
        return SetProject(id=change, name=named.id, status=_FADED, faded=reason, quote=reason, **signature)
    if named.kind == "vital" and named.id in state.vitals:
        signature = author.signs(named.agent)
        return SetVital(id=change, name=named.id, value=_FADED, faded=reason, quote=reason, **signature)
    if entry := state.journal.get(named.id) if named.kind == "run" else None:
        blank = JournalEntry(id=entry.id, agent=entry.agent, session=entry.session, at=entry.at, theme=_FADED)
        return WriteJournal(id=change, entry=blank, faded=reason, quote=reason, **author.signs(named.agent))
    what = "has no journal entry that is shown" if named.kind == "run" else "is not shown"
    raise NotInMemoryError(f"{named.kind} {named.id} {what}; nothing was changed")


def open_thread(memory: Memory, text: str, author: Author, *, agent: str, tag: ThreadTag) -> Named:
    """Queue a question or a piece of work for the sessions that `tag` means.

    Raises:
        NotInMemoryError: the same words are queued already.
    """
    same = (thread for thread in memory.state(agent=agent).threads.values() if thread.text == text)
    if waiting := next((thread for thread in same if not thread.closed_at), None):
        raise NotInMemoryError(f"thread {waiting.id} says that already and is open, to {waiting.tag}")
    thread = identity("open_thread", agent, text, author.run)
    change = OpenThread(id=identity("open", thread), thread=thread, tag=tag, text=text, **author.signs(agent))
    _apply(memory, change)
    return Named(kind="thread", id=thread, agent=agent)


def close_thread(memory: Memory, named: Named, author: Author, *, reason: str) -> None:
    """Say that a thread is done with.

    Raises:
        NotInMemoryError: it is not open.
    """
    thread = memory.state(agent=named.agent).threads.get(named.id)
    if thread is None or thread.closed_at:
        raise NotInMemoryError(f"thread {named.id} is not open; nothing was changed")
    change = identity("close_thread", named.id, author.run)
    _apply(memory, CloseThread(id=change, thread=named.id, reason=reason, **author.signs(named.agent)))


def _apply(memory: Memory, change: Change) -> None:
    for reason in memory.apply([change]).void.values():
        raise NotInMemoryError(f"nothing was changed: {reason}")
