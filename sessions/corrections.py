"""What a person changes in a memory by hand. Each correction is a run of its own, so that it can be taken back."""

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from pydantic import BaseModel

from sessions.memory.base import Memory
from sessions.memory.changes import Change, CloseThread, Fade, FadeBelief, OpenThread, Release, identity
from sessions.memory.things import Origin, ThreadTag
from sessions.memory_ids import Named, NotInMemoryError


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
    """Say that an observation does not matter any more, or that a belief is not held.

    Raises:
        NotInMemoryError: it is not shown to the agent anyway.
    """
    change = identity("fade", named.id, author.run)
    if named.kind == "belief":
        belief = memory.state(agent=named.agent).beliefs.get(named.id)
        if belief is None or belief.faded_at:
            raise NotInMemoryError(f"belief {named.id} is not held; nothing was changed")
        _apply(memory, FadeBelief(id=change, belief=named.id, reason=reason, **author.signs(named.agent)))
        return
    (item,) = memory.observations([named.id])
    if item.status != "active":
        raise NotInMemoryError(f"observation {named.id} is {item.status}, not active; nothing was changed")
    _apply(memory, Fade(id=change, observation=named.id, reason=reason, **author.signs(named.agent)))


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
