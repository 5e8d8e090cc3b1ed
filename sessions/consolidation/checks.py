"""Checks the model's answer against what it was shown: ids, origins, numbers and words have to hold."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import TypeVar

from sessions.claims import contradict
from sessions.consolidation.answer import Answer, Ending, Insight, Merge, NewBelief
from sessions.consolidation.changing import (
    Author,
    close_thread,
    fade,
    fade_belief,
    insight,
    merge,
    new_belief,
    origin_of_all,
)
from sessions.consolidation.holdings import Holdings
from sessions.consolidation.plan import Kind, Plan, Step, Words, within_cap
from sessions.context.quoting import one_line
from sessions.errors import SessionError
from sessions.memory.things import Belief, Observation, Origin, Thread
from sessions.quarantine import why_quarantined

LONGEST_TEXT = 500
#: What a belief begins with at most: it is strengthened by what comes later, not by how it was said.
FIRST_CONFIDENCE = 0.7
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
Thing = TypeVar("Thing", Observation, Belief, Thread)


class _RefusedError(SessionError):
    """Why one step of an answer is not taken, in a clause."""


def check_answer(answer: Answer, holdings: Holdings, author: Author) -> Plan:
    """The plan that `answer` comes to.

    Args:
        answer: what the model said.
        holdings: what it was shown; ids of anything else are refused.
        author: the run on whose account the changes are.
    """
    return within_cap(_Checks(holdings, author).steps(answer))


class _Checks:
    """Goes through an answer. What one step has taken away is not there for a later one."""

    def __init__(self, holdings: Holdings, author: Author) -> None:
        short = holdings.short
        self._observations = {short(item.id): item for item in holdings.observations}
        self._beliefs = {short(item.id): item for item in holdings.beliefs}
        self._threads = {short(item.id): item for item in holdings.threads}
        self._faded = {_same(belief.text): belief for belief in holdings.faded}
        self._author = author

    def steps(self, answer: Answer) -> Iterator[Step]:
        yield from (_step("merge", each.text, partial(self._merge, each)) for each in answer.merges)
        yield from (_step("insight", each.text, partial(self._insight, each)) for each in answer.insights)
        yield from (_step("belief", each.text, partial(self._believe, each)) for each in answer.beliefs)
        yield from (_step("fade", each.id, partial(self._fade, each)) for each in answer.faded_observations)
        yield from (_step("fade belief", each.id, partial(self._fade_belief, each)) for each in answer.faded_beliefs)
        yield from (_step("close thread", each.id, partial(self._close, each)) for each in answer.closed_threads)

    def _merge(self, asked: Merge) -> Step:
        sources, text = self._sources(asked.observations), _sentence(asked.text)
        _require_one_claim(sources, text)
        if len({item.source.origin == "owner" for item in sources}) > 1:
            raise _RefusedError("the owner's own words are not merged with those of others")
        reason = _screened(asked.reason or "they say the same", "agent")
        made, changes = merge(self._author, sources, _screened(text, origin_of_all(sources)), reason)
        for item in sources:
            self._take_away(item, self._observations)
        gone, come = tuple(map(_words, sources)), (_words(made),)
        return Step(kind="merge", gone=gone, come=come, reason=reason, changes=changes)

    def _insight(self, asked: Insight) -> Step:
        sources, text = self._sources(asked.observations), _sentence(asked.text)
        made, added = insight(self._author, sources, _screened(text, origin_of_all(sources)))
        rests_on = tuple(map(_words, sources))
        return Step(kind="insight", come=(_words(made),), rests_on=rests_on, changes=(added,))

    def _believe(self, asked: NewBelief) -> Step:
        evidence, text = self._sources(asked.observations), _sentence(asked.text)
        if len({item.source.run for item in evidence}) < 2:  # noqa: PLR2004 - two is what "again" means
            raise _RefusedError("it rests on a single run")
        if (origin := origin_of_all(evidence)) in ("tool", "web"):
            raise _RefusedError(f"it rests on the words of a {'web page' if origin == 'web' else 'tool'}")
        if before := self._faded.get(_same(text)):
            raise _RefusedError(f"it was faded, because: {one_line(before.reason)}")
        if any(_same(belief.text) == _same(text) for belief in self._beliefs.values()):
            raise _RefusedError("it is held already")
        held = {"confidence": min(asked.confidence, FIRST_CONFIDENCE), "half_life_days": asked.half_life_days}
        change = new_belief(self._author, evidence, _screened(text, origin), **held)
        come = (Words(id=change.belief, text=text),)
        return Step(kind="belief", come=come, rests_on=tuple(map(_words, evidence)), changes=(change,))

    def _fade(self, asked: Ending) -> Step:
        item, reason = _shown(asked.id, self._observations, "observation"), _reason(asked)
        if item.source.origin == "owner":
            raise _RefusedError("it is the owner's own word")
        self._take_away(item, self._observations)
        return Step(kind="fade", gone=(_words(item),), reason=reason, changes=(fade(self._author, item, reason),))

    def _fade_belief(self, asked: Ending) -> Step:
        belief, reason = _shown(asked.id, self._beliefs, "belief"), _reason(asked)
        self._take_away(belief, self._beliefs)
        change = fade_belief(self._author, belief, reason)
        return Step(kind="fade belief", gone=(_words(belief),), reason=reason, changes=(change,))

    def _close(self, asked: Ending) -> Step:
        thread, reason = _shown(asked.id, self._threads, "thread"), _reason(asked)
        self._take_away(thread, self._threads)
        change = close_thread(self._author, thread, reason)
        return Step(kind="close thread", gone=(_words(thread),), reason=reason, changes=(change,))

    def _sources(self, ids: Sequence[str]) -> list[Observation]:
        found = {id_: _shown(id_, self._observations, "observation") for id_ in ids}
        if len(found) < 2:  # noqa: PLR2004 - one alone is neither merged nor led to anything
            raise _RefusedError("it names fewer than two observations")
        return list(found.values())

    def _take_away(self, thing: Thing, there: dict[str, Thing]) -> None:
        for id_ in [id_ for id_, each in there.items() if each.id == thing.id]:
            del there[id_]


def _step(kind: Kind, asked: str, check: Callable[[], Step]) -> Step:
    try:
        return check()
    except _RefusedError as why:
        return Step(kind=kind, come=(Words(text=one_line(asked)[:LONGEST_TEXT]),), refused=str(why))


def _shown(id_: str, there: Mapping[str, Thing], kind: str) -> Thing:
    found = there.get(id_.strip().strip("`"))
    if found is None:
        raise _RefusedError(f"{one_line(id_)[:40] or 'nothing'} is no {kind} that was shown and is still there")
    return found


def _sentence(text: str) -> str:
    line = one_line(text)
    if not line:
        raise _RefusedError("it says nothing")
    if len(line) > LONGEST_TEXT:
        raise _RefusedError(f"it is longer than {LONGEST_TEXT} characters")
    return line


def _reason(asked: Ending) -> str:
    return _screened(_sentence(asked.reason), "agent")


def _screened(text: str, origin: Origin) -> str:
    """`text`, if an agent may be shown it."""
    if why := why_quarantined(text, origin=origin):
        raise _RefusedError(f"{why}, so that it would be quarantined")
    return text


def _require_one_claim(sources: Sequence[Observation], text: str) -> None:
    """Refuse to take one claim for another: "not", and 5 against 50, look alike to a model as well."""
    if any(contradict(one.text, other.text) for one, other in combinations(sources, 2)):
        raise _RefusedError("they differ in a number, a negation or an opposite")
    if any(contradict(item.text, text) for item in sources):
        raise _RefusedError("the new text differs from an old one in a number, a negation or an opposite")
    if _numbers(text) != {number for item in sources for number in _numbers(item.text)}:
        raise _RefusedError("the new text does not have the numbers of the old ones")


def _numbers(text: str) -> set[str]:
    return set(_NUMBER.findall(text))


def _words(thing: Observation | Belief | Thread) -> Words:
    return Words(id=thing.id, text=thing.text)


def _same(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
