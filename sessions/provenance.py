"""Where something in a memory comes from: its words, its run with the files of it, and its history."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel

from sessions.errors import RunFolderError
from sessions.interactive import interactive_home
from sessions.memory.base import Memory
from sessions.memory.changes import Add, Change, CloseThread, FadeBelief, Op, Revert, SetProject, SetVital, WriteJournal
from sessions.memory.things import Belief, JournalEntry, Observation, Project, Thread, Vital
from sessions.memory_ids import Named, named_in
from sessions.quotes import words_of
from sessions.run_folder import read_record, runs_folder
from sessions.transcript import read_transcript

Thing = Observation | Belief | Thread | Project | Vital | JournalEntry
#: Changes of beliefs, threads, projects and vitals.
_OF_STATE: frozenset[Op] = frozenset(
    {"believe", "strengthen", "fade_belief", "open_thread", "close_thread", "set_project", "set_vital"}
)


class RunFiles(BaseModel, frozen=True):
    """A run's own files, as far as they are still there. `entry` is the transcript's entry, counted from 0."""

    run: str
    session: str = ""
    folder: Path | None = None
    transcript: Path | None = None
    context: Path | None = None
    entry: int | None = None


class Provenance(BaseModel, frozen=True):
    """One thing and all that is known of where it came from.

    `thing` is None for a run without a journal entry, and for what was taken back. `rests_on` are the observations it
    was derived from, `carries` what was derived from it. `history` is every change that made it what it is. `files` are
    those of the run that made it so, which is the one to take back: of a belief that is faded, the run that faded it.
    `quote` are the words that it did so with.
    """

    named: Named
    status: str
    thing: Thing | None = None
    rests_on: list[Observation] = []
    carries: list[Named] = []
    history: list[Change] = []
    quote: str = ""
    files: RunFiles


def trace(memory: Memory, named: Named, *, home: Path, now: datetime) -> Provenance:
    """All that is known of `named`, down to the file that holds the words it came from.

    Args:
        memory: where it is.
        named: see `find_named`.
        home: where the runs' own files are, `Settings.home`.
        now: for a belief's confidence, which fades.
    """
    if named.kind == "observation":
        return _trace_observation(memory, named, home)
    if named.kind == "run":
        return _trace_run(memory, named, home)
    state = memory.state(agent=named.agent)
    kept: dict[str, dict[str, Belief] | dict[str, Thread] | dict[str, Project] | dict[str, Vital]] = {
        "belief": state.beliefs,
        "thread": state.threads,
        "project": state.projects,
        "vital": state.vitals,
    }
    thing = kept[named.kind].get(named.id)
    made = [change for change in _state_changes(memory, named.agent) if named in _spoken_of(change, named.agent)]
    reverts = _reverts(memory, named.agent, {change.run for change in made})
    counting = _counting(made, reverts)
    said = _said_in(counting or made, thing)
    evidence = memory.observations(thing.evidence) if isinstance(thing, Belief) else []
    return Provenance(
        named=named,
        status=_why_faded(counting) or _status(thing, now),
        thing=thing,
        rests_on=evidence,
        history=[*made, *reverts],
        quote=said.quote,
        files=files_of(said.run, home, span=said.span),
    )


def _trace_observation(memory: Memory, named: Named, home: Path) -> Provenance:
    (item,) = memory.observations([named.id])
    beliefs = memory.state(agent=named.agent).beliefs.values()
    carried = [Named(kind="belief", id=each.id, agent=named.agent) for each in beliefs if item.id in each.evidence]
    return Provenance(
        named=named,
        status=item.status,
        thing=item,
        rests_on=memory.observations(item.derived_from),
        carries=[*carried, *derived_from(memory, named.agent, {item.id})],
        history=memory.history(observation=item.id),
        quote=item.quote,
        files=files_of(item.source.run, home, span=item.source.span),
    )


def _trace_run(memory: Memory, named: Named, home: Path) -> Provenance:
    made = list(memory.changes(agent=named.agent, run=named.id))
    journal = next((change for change in reversed(made) if isinstance(change, WriteJournal)), None)
    reverts = _reverts(memory, named.agent, {named.id})
    return Provenance(
        named=named,
        status="reverted" if reverts else "remembered" if made else "taught nothing",
        thing=memory.state(agent=named.agent).journal.get(named.id),
        carries=[each for change in made for each in named_in(change) if each.kind != "run"],
        history=[*made, *(change for change in reverts if change not in made)],
        quote=journal.quote if journal else "",
        files=files_of(named.id, home, span=journal.span if journal else ""),
    )


def derived_from(memory: Memory, agent: str, ids: set[str]) -> list[Named]:
    """The observations of `agent` that rest on one of `ids` directly."""
    added = (change.observation for change in memory.changes(agent=agent, ops=["add"]) if isinstance(change, Add))
    return [Named(kind="observation", id=each.id, agent=agent) for each in added if ids.intersection(each.derived_from)]


def _state_changes(memory: Memory, agent: str) -> Iterator[Change]:
    return memory.changes(agent=agent, ops=_OF_STATE)


def _said_in(made: list[Change], thing: Belief | Thread | Project | Vital | None) -> Change:
    """The change that made `thing` what it is: what faded or closed it, or set a project or vital last, or began it.

    A belief that time had worn away may have been begun again.
    """
    if isinstance(made[-1], SetProject | SetVital):
        return made[-1]
    if ended := next((change for change in made if _ended(change, thing)), None):
        return ended
    return next((change for change in made if isinstance(thing, Belief) and change.run == thing.run), made[0])


def _counting(made: list[Change], reverts: list[Change]) -> list[Change]:
    """Those changes whose run was not taken back."""
    gone = {change.reverted for change in reverts if isinstance(change, Revert)}
    return [change for change in made if change.run not in gone]


def _why_faded(counting: list[Change]) -> str:
    """Why a project or vital is not shown since the last of its changes; empty if it is."""
    last = counting[-1] if counting else None
    return f"faded: {last.faded}" if isinstance(last, SetProject | SetVital) and last.faded else ""


def _ended(change: Change, thing: Belief | Thread | Project | Vital | None) -> bool:
    """Whether the change faded the belief, or closed the thread, that is so since then."""
    match thing:
        case Belief():
            return isinstance(change, FadeBelief) and (change.at, change.reason) == (thing.faded_at, thing.reason)
        case Thread():
            return isinstance(change, CloseThread) and (change.at, change.reason) == (thing.closed_at, thing.reason)
    return False


def _spoken_of(change: Change, agent: str) -> tuple[Named, ...]:
    # A change of a belief or thread that came after the first names it in the same field.
    given = change.model_dump(include={"belief", "thread"})
    return (
        *named_in(change),
        *(Named.model_validate({"kind": kind, "id": id_, "agent": agent}) for kind, id_ in given.items()),
    )


def _reverts(memory: Memory, agent: str, runs: set[str]) -> list[Change]:
    reverts = memory.changes(agent=agent, ops=["revert"])
    return [change for change in reverts if isinstance(change, Revert) and change.reverted in runs]


def _status(thing: Thing | None, now: datetime) -> str:
    match thing:
        case None:
            return "reverted"
        case Belief():
            return "faded" if thing.faded_at else f"held, confidence {thing.confidence_at(now):.2f}"
        case Thread():
            return "closed" if thing.closed_at else f"open, to {thing.tag}"
        case Vital(flagged=True):
            return "flagged"
    return "current"


def files_of(run: str, home: Path, *, span: str = "") -> RunFiles:
    """The files of a run, scheduled or interactive, that are still there."""
    places = (runs_folder(home) / run, runs_folder(interactive_home(home)) / run)
    folder = next((place for place in places if (place / "run.json").is_file()), None)
    if folder is None:
        return RunFiles(run=run)
    transcript, context = folder / "transcript.jsonl", folder / "context.md"
    return RunFiles(
        run=run,
        session=_session_of(folder),
        folder=folder,
        transcript=transcript if transcript.is_file() else None,
        context=context if context.is_file() else None,
        entry=int(span) if span.isdecimal() else None,
    )


def _session_of(folder: Path) -> str:
    try:
        return read_record(folder).session
    except RunFolderError:
        # A record of another version names no session; its transcript is what matters here.
        return ""


def words_around(files: RunFiles) -> str:
    """The whole entry of the transcript that a quote was taken from; empty when it is not there any more."""
    if files.transcript is None or files.entry is None:
        return ""
    entries = list(read_transcript(files.transcript))
    return words_of(entries[files.entry]) if files.entry < len(entries) else ""
