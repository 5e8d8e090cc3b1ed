"""The changes by which a consolidation's steps come into the memory. No id is given twice, so nothing is done twice."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from sessions.memory.changes import Add, Believe, Change, CloseThread, Fade, FadeBelief, Supersede, identity
from sessions.memory.things import Belief, Moment, Observation, Origin, Source, Thread
from sessions.quotes import least_trusted

#: How much of what an insight rests on is indexed with it, so that the words that found its sources find it too.
_CONTEXT_CHARACTERS = 600


class Author(BaseModel, frozen=True):
    """On whose account changes are made, and when."""

    agent: str
    run: str
    at: Moment

    def about(self, op: str, subject: str, origin: Origin = "agent") -> dict[str, Any]:
        """What every change says."""
        return {
            "id": identity(op, self.run, subject),
            "agent": self.agent,
            "run": self.run,
            "at": self.at,
            "origin": origin,
        }


def origin_of_all(sources: Sequence[Observation]) -> Origin:
    """Whose words something rests on that was derived from all of these: those that are worth least."""
    return least_trusted(*(item.source.origin for item in sources))


def insight(author: Author, sources: Sequence[Observation], text: str) -> tuple[Observation, Add]:
    """A new insight, and the change that adds it. It is worth no more trust than what it rests on."""
    ids = tuple(sorted(item.id for item in sources))
    origin = origin_of_all(sources)
    made = Observation(
        id=identity("insight", author.run, text, *ids),
        agent=author.agent,
        kind="insight",
        text=text,
        context=" ".join(item.text for item in sources)[:_CONTEXT_CHARACTERS],
        event_at=max(item.event_at for item in sources),
        created_at=author.at,
        source=Source(run=author.run, origin=origin),
        importance=max(item.importance for item in sources),
        derived_from=ids,
    )
    return made, Add(**author.about("add", made.id, origin), observation=made)


def merge(
    author: Author, sources: Sequence[Observation], text: str, reason: str
) -> tuple[Observation, tuple[Change, ...]]:
    """One insight in place of several observations."""
    made, added = insight(author, sources, text)
    origin = made.source.origin
    gone = (
        Supersede(**author.about("supersede", item.id, origin), observation=item.id, successor=made.id, reason=reason)
        for item in sources
    )
    return made, (added, *gone)


def new_belief(
    author: Author, evidence: Sequence[Observation], text: str, *, confidence: float, half_life_days: float
) -> Believe:
    """A belief on the ground of observations."""
    belief = identity("belief", author.agent, text)
    ids = tuple(sorted(item.id for item in evidence))
    about = author.about("believe", belief, origin_of_all(evidence))
    held = {"confidence": confidence, "half_life_days": half_life_days}
    return Believe(**about, **held, belief=belief, text=text, evidence=ids)


def fade(author: Author, item: Observation, reason: str) -> Fade:
    """An observation that matters no more."""
    return Fade(**author.about("fade", item.id), observation=item.id, reason=reason)


def fade_belief(author: Author, belief: Belief, reason: str) -> FadeBelief:
    """A belief that is held no more."""
    return FadeBelief(**author.about("fade_belief", belief.id), belief=belief.id, reason=reason)


def close_thread(author: Author, thread: Thread, reason: str) -> CloseThread:
    """A thread that is done with."""
    return CloseThread(**author.about("close_thread", thread.id), thread=thread.id, reason=reason)
