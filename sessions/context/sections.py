"""The sections of a context that are made of single things: what could stand in each, best first, and why."""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import partial

from pydantic import BaseModel

from sessions.context.lines import Lines
from sessions.context.manifest import NOT_AMONG, Candidate, ItemKind
from sessions.context.material import LATEST_OBSERVATIONS, RELEVANT_OBSERVATIONS, Material, unseen
from sessions.context.quoting import ShortIds, one_line
from sessions.context.rules import MAINTENANCE
from sessions.memory.things import CONSOLIDATION
from sessions.signals import Signal, compute_signals

BELIEFS, FADED, THREADS, ENTRIES, PROJECTS, VITALS, MAINTENANCE_LINES = 12, 5, 10, 3, 8, 8, 20
#: Less sure beliefs say nothing of who the agent is.
_WORTH_SAYING = 0.2
_MAINTENANCE_CHARACTERS, _ENTRIES_WEIGHED = 200, 10


class Title(StrEnum):
    """The sections, in the order in which they give way when the context gets too long: the first loses lines first."""

    LATEST = "Learned last"
    MAINTENANCE = "Maintenance list"
    FADED = "Beliefs that faded: do not learn them again"
    PROJECTS = "Projects"
    VITALS = "Vitals"
    RELEVANT = "What you know, most relevant first"
    JOURNAL = "Journal, newest first"
    BELIEFS = "Who you are: what you hold to be so, surest first"
    THREADS = "Open threads"
    FLAGGED = "Act on these first"


class Item(BaseModel, frozen=True):
    """One candidate and its line or lines."""

    candidate: Candidate
    text: str = ""


class Section(BaseModel, frozen=True):
    """A section: candidates best first. `note` stands under its title."""

    title: Title
    items: list[Item]
    note: str = ""


class _Listed:
    """Collects the items of one section: so many at most, the others left out."""

    def __init__(self, title: Title, kind: ItemKind, most: int) -> None:
        self.items: list[Item] = []
        self._title, self._kind, self._most, self._shown = title, kind, most, 0

    def add(
        self,
        id_: str,
        why: str,
        write: Callable[[], str],
        *,
        kind: ItemKind | None = None,
        about: tuple[str, ...] = (),
        left_out: str = "",
    ) -> None:
        if not left_out and self._shown >= self._most:
            left_out = f"{NOT_AMONG} {self._most}"
        self._shown += not left_out
        candidate = Candidate(
            id=id_, kind=kind or self._kind, section=self._title, why=why, about=about, left_out=left_out
        )
        self.items.append(Item(candidate=candidate, text="" if left_out else write()))

    def section(self, note: str = "") -> Section:
        return Section(title=self._title, items=self.items, note=note)


def all_sections(material: Material) -> dict[Title, Section]:
    """Every section by its title."""
    signals = _signals(material)
    lines = Lines(material.occasion, _short_ids(material, signals))
    sections = (
        _flagged(material, lines, signals),
        _beliefs(material, lines),
        _faded(material, lines),
        _threads(material, lines),
        _journal(material, lines),
        _projects(material, lines),
        _vitals(material, lines, signals),
        _maintenance(material),
        _relevant(material, lines),
        _latest(material, lines),
    )
    return {section.title: section for section in sections}


def _signals(material: Material) -> list[Signal]:
    occasion = material.occasion
    return compute_signals(
        runs=material.runs_of_session,
        journal=[entry for entry in material.known.journal if entry.session == occasion.session],
        threads=material.known.state.open_threads(*occasion.thread_tags),
        git=material.git,
        now=occasion.now,
    )


def _short_ids(material: Material, signals: Iterable[Signal]) -> ShortIds:
    known, state = material.known, material.known.state
    observations = [*known.relevant, *known.latest]
    return ShortIds(
        [
            *(each.id for each in observations),
            *(each.source.run for each in observations),
            *(vital.run for vital in state.vitals.values()),
            *state.beliefs,
            *state.threads,
            *state.journal,
            *(about for signal in signals for about in signal.ids),
        ]
    )


def _flagged(material: Material, lines: Lines, signals: Sequence[Signal]) -> Section:
    listed = _Listed(Title.FLAGGED, "signal", VITALS)
    for signal in signals:
        if signal.flagged:
            listed.add(signal.name, "computed, and flagged", partial(lines.signal, signal), about=signal.ids)
    for vital in material.known.state.vitals.values():
        if vital.flagged:
            listed.add(vital.name, "flagged by the agent", partial(lines.vital, vital), kind="vital")
    return listed.section()


def _vitals(material: Material, lines: Lines, signals: Sequence[Signal]) -> Section:
    listed = _Listed(Title.VITALS, "vital", VITALS)
    for signal in signals:
        if not signal.flagged:
            listed.add(signal.name, "computed", partial(lines.signal, signal), kind="signal", about=signal.ids)
    for vital in material.known.state.vitals.values():
        if not vital.flagged and vital.name != CONSOLIDATION:
            listed.add(vital.name, "set by the agent", partial(lines.vital, vital))
    return listed.section()


def _beliefs(material: Material, lines: Lines) -> Section:
    listed, now = _Listed(Title.BELIEFS, "belief", BELIEFS), material.occasion.now
    for belief in material.known.state.held_beliefs(now):
        sure = belief.confidence_at(now)
        left_out = "" if sure >= _WORTH_SAYING else "hardly believed any more"
        listed.add(belief.id, f"held with confidence {sure:.2f}", partial(lines.belief, belief), left_out=left_out)
    return listed.section()


def _faded(material: Material, lines: Lines) -> Section:
    listed = _Listed(Title.FADED, "belief", FADED)
    for belief in material.known.state.faded_beliefs():
        listed.add(belief.id, "faded lately", partial(lines.faded, belief))
    return listed.section()


def _threads(material: Material, lines: Lines) -> Section:
    listed, occasion = _Listed(Title.THREADS, "thread", THREADS), material.occasion
    other = "waits for a session without a person" if occasion.attended else "waits for a session with a person"
    own = material.known.state.open_threads(*occasion.thread_tags)
    # The oldest are overdue, and the newest are what somebody has just queued.
    between = {thread.id for thread in own[THREADS // 2 : -(THREADS // 2)]} if len(own) > THREADS else set()
    for thread in material.known.state.open_threads("discuss", "solo", "experiment"):
        left_out = "between the oldest and the newest" if thread.id in between else ""
        left_out = left_out if thread.tag in occasion.thread_tags else other
        listed.add(thread.id, f"open, {thread.tag}", partial(lines.thread, thread), left_out=left_out)
    return listed.section(f"The oldest and the newest; {len(between)} more are open." if between else "")


def _journal(material: Material, lines: Lines) -> Section:
    listed = _Listed(Title.JOURNAL, "journal", ENTRIES)
    for entry in material.known.journal[:_ENTRIES_WEIGHED]:
        listed.add(entry.id, "one of the newest", partial(lines.journal, entry))
    return listed.section()


def _projects(material: Material, lines: Lines) -> Section:
    listed = _Listed(Title.PROJECTS, "project", PROJECTS)
    projects = material.known.state.projects.values()
    for project in sorted(projects, key=lambda each: (each.changed_at, each.name), reverse=True):
        listed.add(project.name, "a project, the last changed first", partial(lines.project, project))
    return listed.section()


def _maintenance(material: Material) -> Section:
    listed = _Listed(Title.MAINTENANCE, "maintenance", MAINTENANCE_LINES)
    for number, line in enumerate(material.maintenance.splitlines(), 1):
        if words := one_line(line):
            listed.add(
                f"line {number}", "in the maintenance list", partial(str, f"> {words[:_MAINTENANCE_CHARACTERS]}")
            )
    return listed.section(MAINTENANCE)


def _relevant(material: Material, lines: Lines) -> Section:
    listed = _Listed(Title.RELEVANT, "observation", RELEVANT_OBSERVATIONS)
    for place, item in enumerate(material.known.relevant, 1):
        listed.add(
            item.id, f"speaks to the prompt, at place {place}", partial(lines.observation, item, with_quote=True)
        )
    return listed.section()


def _latest(material: Material, lines: Lines) -> Section:
    listed, known = _Listed(Title.LATEST, "observation", LATEST_OBSERVATIONS), material.known
    shown = known.relevant[:RELEVANT_OBSERVATIONS]
    for item in unseen(known.latest, shown):
        listed.add(item.id, "learned lately", partial(lines.observation, item, with_quote=False))
    return listed.section()
