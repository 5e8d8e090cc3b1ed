"""What of a memory a consolidation looks at, and how it is shown to the model."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain

from pydantic import BaseModel

from sessions.context import BYTES_PER_TOKEN, Candidate, Context, Manifest, Occasion
from sessions.context.lines import Lines
from sessions.context.manifest import ItemKind
from sessions.context.material import UNATTENDED_THREADS
from sessions.context.quoting import ShortIds
from sessions.memory.base import Memory
from sessions.memory.things import CONSOLIDATION, Belief, Observation, Thread

#: The newest so many that came since the last consolidation, and for each so many that speak of the same.
MOST_NEW, NEIGHBOURS = 150, 3
#: All observations, beliefs and threads that are looked at, and faded beliefs that are shown.
MOST_SHOWN, MOST_BELIEFS, MOST_THREADS, FADED = 300, 100, 100, 20
_FADED_SECTION = "faded belief"
_NOT_WEIGHED = "learned before the last consolidation, and not near to what came since"


class Holdings(BaseModel, frozen=True):
    """What is looked at: active observations, held beliefs, open threads.

    `fresh` are the ids of the observations that came since the last consolidation; `faded` are the beliefs that are not
    to be raised again; `total` counts all active observations. `left_out` are beliefs and threads of which there are
    too many for one call.
    """

    observations: tuple[Observation, ...] = ()
    beliefs: tuple[Belief, ...] = ()
    threads: tuple[Thread, ...] = ()
    faded: tuple[Belief, ...] = ()
    left_out: tuple[Belief | Thread, ...] = ()
    fresh: frozenset[str] = frozenset()
    total: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing that could be changed."""
        return not (self.observations or self.beliefs or self.threads)

    @property
    def short(self) -> ShortIds:
        """How their ids are shown."""
        beliefs = (each.id for each in (*self.beliefs, *self.faded))
        others = (item.id for item in self.observations), (each.id for each in self.threads)
        return ShortIds(chain(beliefs, *others))


def gather(memory: Memory, *, agent: str, now: datetime) -> Holdings:
    """What was learned since the last consolidation, what is near to it, and the beliefs and open threads.

    Of very many beliefs those that changed last are taken, of very many threads the oldest and the newest. Threads that
    wait for a person are left to that person.

    Raises:
        MemoryStoreError: the memory cannot be read.
    """
    since = _consolidated_at(memory, agent)
    newest = memory.latest(agent=agent, limit=MOST_NEW)
    fresh = [item for item in newest if since is None or item.created_at > since]
    near = (found for item in fresh for found in memory.recall(agent=agent, query=item.text, limit=NEIGHBOURS + 1))
    shown = list({item.id: item for item in (*fresh, *near)}.values())[:MOST_SHOWN]
    state = memory.state(agent=agent)
    held, waiting = state.held_beliefs(now), state.open_threads(*UNATTENDED_THREADS)
    beliefs, threads = _changed_last(held), _oldest_and_newest(waiting)
    taken = {each.id for each in beliefs} | {each.id for each in threads}
    every: list[Belief | Thread] = [*held, *waiting]
    return Holdings(
        observations=tuple(sorted(shown, key=lambda item: (item.event_at, item.id))),
        beliefs=tuple(beliefs),
        threads=tuple(threads),
        left_out=tuple(each for each in every if each.id not in taken),
        faded=tuple(state.faded_beliefs()),
        fresh=frozenset(item.id for item in fresh),
        total=memory.count(agent=agent),
    )


def _changed_last(held: Sequence[Belief]) -> list[Belief]:
    """So many that one call can weigh them, in the order in which they came."""
    last = {each.id for each in sorted(held, key=lambda each: (each.changed_at, each.id))[-MOST_BELIEFS:]}
    return [each for each in held if each.id in last]


def _oldest_and_newest(waiting: Sequence[Thread]) -> list[Thread]:
    half = MOST_THREADS // 2
    return list(waiting) if len(waiting) <= MOST_THREADS else [*waiting[:half], *waiting[-half:]]


def read_back(memory: Memory, manifest: Manifest, *, now: datetime) -> Holdings:
    """What a manifest lists, as it is now; what is gone or not active any more is left out.

    Raises:
        MemoryStoreError: the memory cannot be read.
    """
    by_kind: dict[ItemKind, set[str]] = {"observation": set(), "belief": set(), "thread": set()}
    for each in manifest.candidates:
        if not each.left_out and each.section != _FADED_SECTION:
            by_kind.setdefault(each.kind, set()).add(each.id)
    state = memory.state(agent=manifest.agent)
    there = memory.observations(by_kind["observation"])
    return Holdings(
        observations=tuple(item for item in there if item.status == "active" and item.agent == manifest.agent),
        beliefs=tuple(each for each in state.held_beliefs(now) if each.id in by_kind["belief"]),
        threads=tuple(each for each in state.open_threads(*UNATTENDED_THREADS) if each.id in by_kind["thread"]),
        faded=tuple(state.faded_beliefs()),
    )


def write_listing(holdings: Holdings, occasion: Occasion) -> Context:
    """The document that the model reads, and its manifest. All words of the memory stand in it as data."""
    lines = Lines(occasion, holdings.short)
    sections = {
        "Observations, oldest first": [lines.weighed(item) for item in holdings.observations],
        "Beliefs": [*map(lines.belief, holdings.beliefs), *_more(holdings.left_out, Belief, "changed longer ago")],
        "Beliefs that faded: do not raise them again": [lines.faded(each) for each in holdings.faded[:FADED]],
        "Open threads": [
            *map(lines.thread, holdings.threads),
            *_more(holdings.left_out, Thread, "between the oldest and the newest"),
        ],
    }
    title = f"# Memory of agent {occasion.agent}, {occasion.minute(occasion.now)} {occasion.due_at:%Z}"
    blocks = (f"## {name}\n\n" + ("\n".join(found) or "None.") for name, found in sections.items())
    text = "\n\n".join([title, *blocks]) + "\n"
    return Context(text=text, manifest=_manifest(holdings, occasion, text))


def _more(left_out: Iterable[Belief | Thread], kind: type[Belief | Thread], which: str) -> list[str]:
    count = sum(isinstance(each, kind) for each in left_out)
    return [f"- {count} more are not shown, {which}."] if count else []


def _manifest(holdings: Holdings, occasion: Occasion, text: str) -> Manifest:
    tokens = -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)
    return Manifest(
        session=occasion.session,
        agent=occasion.agent,
        at=occasion.now,
        tokens=tokens,
        most_tokens=tokens,
        lines=text.count("\n"),
        candidates=[
            *_candidates("observation", holdings.observations, holdings.fresh),
            *_candidates("belief", holdings.beliefs),
            *_candidates("thread", holdings.threads),
            *_faded_and_left_out(holdings),
        ],
        not_weighed=max(holdings.total - len(holdings.observations), 0),
        not_weighed_why=_NOT_WEIGHED,
    )


def _candidates(
    kind: ItemKind, things: Iterable[Observation | Belief | Thread], fresh: frozenset[str] = frozenset()
) -> Sequence[Candidate]:
    whys = {"observation": "near to what was learned since", "belief": "held", "thread": "open"}
    return [
        Candidate(
            id=each.id,
            kind=kind,
            section=kind,
            why="learned since the last consolidation" if each.id in fresh else whys[kind],
        )
        for each in things
    ]


def _faded_and_left_out(holdings: Holdings) -> Iterator[Candidate]:
    """What is shown and may not be changed, and what had no place in the call."""
    for each in holdings.faded[:FADED]:
        yield Candidate(id=each.id, kind="belief", section=_FADED_SECTION, why="faded lately: not to be raised again")
    for left in holdings.left_out:
        kind: ItemKind = "belief" if isinstance(left, Belief) else "thread"
        most = MOST_BELIEFS if kind == "belief" else MOST_THREADS
        why = "held" if kind == "belief" else "open"
        yield Candidate(id=left.id, kind=kind, section=kind, why=why, left_out=f"one call weighs {most} of them")


def unchanged_since(memory: Memory, *, agent: str) -> datetime | None:
    """When the last consolidation was, if nothing was learned since; None where there is something to do.

    Raises:
        MemoryStoreError: the memory cannot be read.
    """
    since = _consolidated_at(memory, agent)
    newest = memory.latest(agent=agent, limit=1)
    return since if since and not (newest and newest[0].created_at > since) else None


def _consolidated_at(memory: Memory, agent: str) -> datetime | None:
    done = memory.state(agent=agent).vitals.get(CONSOLIDATION)
    return done.changed_at if done else None
