"""Turns what the extraction model answered into changes of the memory, as far as the transcript bears it out.

The model proposes; what it says of places, origins and ids is looked up. Nothing is ever merged here because it looks
alike: only what the model names by its id is confirmed or superseded, and a confirmation that a number or a "not"
speaks against is a new observation.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sessions.claims import contradict, share_a_word
from sessions.disguises import without_invisible
from sessions.extraction_answer import ExtractedBelief, ExtractedObservation, ExtractedThread
from sessions.extraction_evidence import Evidence, Grounds, NotKeptError
from sessions.extraction_prompt import KnownMemories
from sessions.learned import Who
from sessions.memory.changes import (
    Add,
    Believe,
    Change,
    CloseThread,
    Confirm,
    FadeBelief,
    OpenThread,
    Strengthen,
    Supersede,
    identity,
)
from sessions.memory.things import Observation, Source
from sessions.quotes import plain

Item = ExtractedBelief | ExtractedThread | ExtractedObservation


class Checks:
    """The checks of one answer. Each item comes to changes that belong together.

    Args:
        known: what the model was shown; it may name nothing else.
        who: whose changes they become.
        evidence: the transcript.
    """

    def __init__(self, known: KnownMemories, who: Who, evidence: Evidence) -> None:
        self._known = known
        self._who = who
        self._evidence = evidence
        self._observations = {item.id: item for item in known.observations}
        self._beliefs = {item.id: item for item in known.beliefs}
        self._threads = {item.id: item for item in known.threads}
        self._new: dict[str, Observation] = {}

    def changes(self, item: Item) -> list[Change]:
        """What becomes of one item.

        Raises:
            NotKeptError: it cannot be kept.
        """
        match item:
            case ExtractedObservation():
                return self._observation(item)
            case ExtractedBelief(action="BELIEVE"):
                return [self._believe(item)]
            case ExtractedBelief():
                return [self._judge(item)]
            case ExtractedThread(action="OPEN"):
                return [self._open(item)]
            case ExtractedThread():
                return [self._close(item)]

    def _observation(self, item: ExtractedObservation) -> list[Change]:
        known = None if item.action == "ADD" else _named(self._observations, item.id, "observation")
        text = _sentence(item.text or (known.text if known else ""))
        if known and item.action == "CONFIRM" and not contradict(known.text, text):
            return [self._confirm(known, item.quote)]
        if known and plain(known.text) == text:
            raise NotKeptError("it says what is known already")
        added = self._add(item, text)
        if known and item.action == "SUPERSEDE" and _may_supersede(added, known):
            return [added, self._supersede(added, known)]
        return [added]

    def _add(self, item: ExtractedObservation, text: str) -> Add:
        grounds = self._evidence.grounds(item.quote, text)
        # Also as it was given: what hides, or begins a line, is gone from the sentence.
        hidden = self._evidence.why_hidden(item.text, text, item.quote, origin=grounds.origin)
        id_ = identity("observation", self._who.run, text)
        observation = Observation(
            id=id_,
            agent=self._who.agent,
            kind=item.kind,
            text=self._evidence.clean(text),
            quote=self._evidence.clean(grounds.quote),
            context=grounds.context,
            event_at=grounds.at,
            created_at=self._who.now,
            source=Source(run=self._who.run, span=grounds.span, origin=grounds.origin),
            importance=item.importance,
        )
        if not hidden:
            self._new[id_] = observation
        about = self._about("add", id_, grounds) | {"id": identity("add", id_)}
        return Add(**about, observation=observation, quarantined=hidden)

    def _confirm(self, known: Observation, quote: str) -> Confirm:
        grounds = self._evidence.grounds(quote, "")
        if contradict(known.text, quote):
            raise NotKeptError("its quote speaks against what it confirms")
        if not share_a_word(known.text, quote):
            raise NotKeptError("its quote says nothing of what it confirms")
        self._evidence.require_shown(quote, origin=grounds.origin)
        return Confirm(**self._about("confirm", known.id, grounds), observation=known.id)

    def _supersede(self, added: Add, known: Observation) -> Supersede:
        about = {"id": identity("supersede", self._who.run, known.id), "at": self._who.now, "agent": self._who.agent}
        said = added.model_dump(include={"run", "origin", "quote", "span"})
        return Supersede(**about, **said, observation=known.id, successor=added.observation.id)

    def _believe(self, item: ExtractedBelief) -> Believe:
        text = _sentence(item.text)
        id_ = identity("belief", self._who.agent, text)
        if there := self._beliefs.get(id_):
            raise NotKeptError(f"it was faded: {there.reason}" if there.faded_at else "it is believed already")
        grounds = self._evidence.trusted_grounds(item.quote, text)
        self._evidence.require_shown(item.text, origin=grounds.origin)
        about = self._about("believe", id_, grounds)
        held = {"confidence": item.confidence, "half_life_days": item.half_life_days}
        return Believe(**about, **held, belief=id_, text=text, evidence=self._resting_on(grounds))

    def _judge(self, item: ExtractedBelief) -> Strengthen | FadeBelief:
        belief = _named(self._beliefs, item.id, "belief")
        reason = _sentence(item.reason or item.text)
        if belief.faded_at:
            raise NotKeptError(f"the belief was faded: {belief.reason}")
        grounds = self._evidence.trusted_grounds(item.quote, reason, about=belief.text)
        self._evidence.require_shown(item.reason, item.text, origin=grounds.origin)
        if item.action == "FADE":
            return FadeBelief(**self._about("fade_belief", belief.id, grounds), belief=belief.id, reason=reason)
        about = self._about("strengthen", belief.id, grounds)
        return Strengthen(**about, belief=belief.id, reason=reason, evidence=self._resting_on(grounds))

    def _open(self, item: ExtractedThread) -> OpenThread:
        text = _sentence(item.text)
        if any(plain(thread.text) == text for thread in self._threads.values()):
            raise NotKeptError("the same thread is open")
        grounds = self._evidence.grounds(item.quote, text)
        self._evidence.require_shown(item.text, text, item.quote, origin=grounds.origin)
        # Whether to do what a page suggests is for a person to say.
        tag = "discuss" if grounds.origin == "web" else item.tag
        id_ = identity("thread", self._who.run, item.tag, text)
        about = self._about("open_thread", id_, grounds)
        return OpenThread(**about, thread=id_, tag=tag, text=text, session=self._who.session)

    def _close(self, item: ExtractedThread) -> CloseThread:
        thread = _named(self._threads, item.id, "open thread")
        self._known.require_own_queue(thread.id, self._who)
        reason = _sentence(item.reason or item.text)
        grounds = self._evidence.grounds(item.quote, reason)
        if grounds.origin == "web":
            raise NotKeptError("it rests on words of a web page")
        self._evidence.require_shown(item.reason, item.text, reason, item.quote, origin=grounds.origin)
        return CloseThread(**self._about("close_thread", thread.id, grounds), thread=thread.id, reason=reason)

    def _resting_on(self, grounds: Grounds) -> tuple[str, ...]:
        """The new observations whose words overlap with these."""
        words = plain(grounds.quote)
        return tuple(id_ for id_, item in self._new.items() if words in plain(item.quote) or plain(item.quote) in words)

    def _about(self, op: str, what: str, grounds: Grounds) -> dict[str, Any]:
        """What every change says; its id is the same however often the answer is gone through."""
        return {
            "id": identity(op, self._who.run, what),
            "agent": self._who.agent,
            "run": self._who.run,
            "at": self._who.now,
            "origin": grounds.origin,
            "quote": self._evidence.clean(grounds.quote),
            "span": grounds.span,
        }


def said_in(items: Sequence[Item]) -> list[str]:
    """Every text of the items that evidence is looked up for."""
    return [text for item in items for text in (item.text, item.quote, getattr(item, "reason", ""))]


def _sentence(text: str) -> str:
    """`text` on one line, without what nobody sees."""
    line = plain(without_invisible(text))
    if not line:
        raise NotKeptError("it has no text")
    return line


def _may_supersede(new: Add, known: Observation) -> bool:
    """Not by what is hidden; nor may a page put aside what others said, or a tool what the owner said."""
    if new.quarantined:
        return False
    return known.source.origin in _MAY_SUPERSEDE[new.origin]


_MAY_SUPERSEDE = {
    "owner": ("owner", "agent", "tool", "web"),
    "agent": ("owner", "agent", "tool", "web"),
    "tool": ("agent", "tool", "web"),
    "web": ("web",),
}


def _named(known: Mapping[str, Any], id_: str, kind: str) -> Any:  # noqa: ANN401 - any of three kinds of thing
    if id_ not in known:
        raise NotKeptError(f"{id_ or 'nothing'!r} is no {kind} that it could speak of")
    return known[id_]
