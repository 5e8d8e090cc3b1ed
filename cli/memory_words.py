"""How changes of a memory, and where things come from, read in a sentence."""

from collections.abc import Iterator, Sequence
from functools import singledispatch

from cli.memory_access import one_line, short
from cli.output import moment
from sessions.memory.changes import (
    Add,
    Believe,
    Change,
    CloseThread,
    Confirm,
    Fade,
    FadeBelief,
    OpenThread,
    Release,
    Revert,
    SetProject,
    SetVital,
    Strengthen,
    Supersede,
    WriteJournal,
)
from sessions.memory.things import Belief, JournalEntry, Observation, Project, Thread, Vital
from sessions.provenance import Provenance, RunFiles, Thing

#: Characters of an entry that are shown before and after a quote. The entry may be a whole file, or a book.
_AROUND = 500


@singledispatch
def what(change: Change) -> str:
    """What a change did, without when and by whom."""
    return str(change.op)


@what.register
def _(change: Add) -> str:
    quarantined = f", quarantined: {one_line(change.quarantined)}" if change.quarantined else ""
    return f"added observation {short(change.observation.id)}{quarantined}: {one_line(change.observation.text)}"


@what.register
def _(change: Confirm) -> str:
    return f"confirmed observation {short(change.observation)}"


@what.register
def _(change: Supersede) -> str:
    by = f" by {short(change.successor)}" if change.successor else ""
    return f"superseded observation {short(change.observation)}{by}{_why(change.reason)}"


@what.register
def _(change: Fade) -> str:
    return f"faded observation {short(change.observation)}{_why(change.reason)}"


@what.register
def _(change: Release) -> str:
    return f"released observation {short(change.observation)}{_why(change.reason)}"


@what.register
def _(change: Believe) -> str:
    return f"began to hold belief {short(change.belief)} at {change.confidence:.2f}: {one_line(change.text)}"


@what.register
def _(change: Strengthen) -> str:
    return f"strengthened belief {short(change.belief)}{_why(change.reason)}"


@what.register
def _(change: FadeBelief) -> str:
    return f"faded belief {short(change.belief)}{_why(change.reason)}"


@what.register
def _(change: OpenThread) -> str:
    return f"opened thread {short(change.thread)} to {change.tag}: {one_line(change.text)}"


@what.register
def _(change: CloseThread) -> str:
    return f"closed thread {short(change.thread)}{_why(change.reason)}"


@what.register
def _(change: WriteJournal) -> str:
    return f"wrote the journal: {one_line(change.entry.theme)}"


@what.register
def _(change: SetProject) -> str:
    return f"set project {one_line(change.name)}: {one_line(change.status)}"


@what.register
def _(change: SetVital) -> str:
    return f"set vital {one_line(change.name)}: {one_line(change.value)}" + " (flagged)" * change.flagged


@what.register
def _(change: Revert) -> str:
    return f"took back run {short(change.reverted)}{_why(change.reason)}"


def _why(reason: str) -> str:
    return f": {one_line(reason)}" if reason.strip() else ""


def history_line(change: Change) -> str:
    """When, by whom, on whose words, and what."""
    words = f"  “{one_line(change.quote)}”" if change.quote.strip() else ""
    return f"{moment(change.at)}  {what(change)} (run {change.run}, {change.origin}){words}"


def provenance_lines(found: Provenance, words: str) -> Iterator[str]:
    """Everything that is known of one thing, as people read it.

    Args:
        found: see `sessions.provenance.trace`.
        words: the whole entry that its quote is from; empty if there is none.
    """
    yield f"{found.named.kind} {found.named.id} of agent {found.named.agent}: {found.status}"
    if found.thing:
        yield from _thing_lines(found.thing)
    if words:
        yield _field("said in", _around(found.quote, words))
    yield from _file_lines(found.files)
    yield from _listed(
        "rests on", [f"{short(item.id)}  {item.status}: {one_line(item.text)}" for item in found.rests_on]
    )
    yield from _listed("carries", [f"{named.kind} {named.id}" for named in found.carries])
    yield from _listed("history", [history_line(change) for change in found.history])
    if found.status not in ("reverted", "taught nothing"):
        yield _field("take back", f"sessions memory revert --run {found.files.run}")


def _around(quote: str, words: str) -> str:
    """`words` on one line, without what is far from the quote."""
    line, wanted = one_line(words), one_line(quote)
    begin = max(line.find(wanted) - _AROUND, 0)
    end = max(line.find(wanted), 0) + len(wanted) + _AROUND
    return "… " * (begin > 0) + line[begin:end] + " …" * (end < len(line))


def _field(name: str, value: str) -> str:
    return f"  {name:<12}{value}"


def _listed(name: str, lines: Sequence[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield _field("" if number else name, line)


def _file_lines(files: RunFiles) -> Iterator[str]:
    yield _field("run", files.run + (f" of {files.session}" if files.session else ""))
    if files.folder is None:
        yield _field("transcript", "not here; a run's files are kept as long as the run is")
    if files.transcript:
        # One entry a line; files count lines from 1.
        yield _field("transcript", f"{files.transcript}" + (f":{files.entry + 1}" if files.entry is not None else ""))
    if files.context:
        yield _field("context", str(files.context))


@singledispatch
def _thing_lines(thing: Thing) -> Iterator[str]:
    yield _field("", str(thing))


@_thing_lines.register
def _(thing: Observation) -> Iterator[str]:
    yield f"  {one_line(thing.text)}"
    yield from _given({"why": thing.reason, "quote": thing.quote, "turn before": thing.context})
    yield _field("whose words", thing.source.origin)
    yield _field("when", f"so on {moment(thing.event_at)}, learned on {moment(thing.created_at)}")
    yield _field("kind", f"{thing.kind}, importance {thing.importance:g}")


@_thing_lines.register
def _(thing: Belief) -> Iterator[str]:
    yield f"  {one_line(thing.text)}"
    yield from _given({"why": thing.reason})
    yield _field("fades", f"to a half in {thing.half_life_days:g} days from {moment(thing.changed_at)}")


@_thing_lines.register
def _(thing: Thread) -> Iterator[str]:
    yield f"  {one_line(thing.text)}"
    yield from _given({"why": thing.reason})
    yield _field("opened", moment(thing.opened_at))
    yield from _given({"closed": moment(thing.closed_at) if thing.closed_at else ""})


@_thing_lines.register
def _(thing: JournalEntry) -> Iterator[str]:
    yield f"  {one_line(thing.theme)}"
    yield _field("session", f"{thing.session}, {moment(thing.at)}")
    parts = ("built", "noticed", "changed", "assumptions", "next")
    yield from _given({part: str(getattr(thing, part)) for part in parts})


@_thing_lines.register
def _(thing: Project) -> Iterator[str]:
    yield f"  {one_line(thing.status)}"
    yield from _given({"blocking": thing.blocking, "waiting for": thing.waiting_for, "set": moment(thing.changed_at)})


@_thing_lines.register
def _(thing: Vital) -> Iterator[str]:
    yield f"  {one_line(thing.value)}"
    yield from _given({"note": thing.note, "set": moment(thing.changed_at)})


def _given(fields: dict[str, str]) -> Iterator[str]:
    return (_field(name, one_line(value)) for name, value in fields.items() if value.strip())
