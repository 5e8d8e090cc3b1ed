"""What an id stands for in a memory, found by as much of its beginning as a person types."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel

from sessions.errors import RunFolderError, SessionError
from sessions.memory.base import Memory
from sessions.memory.changes import Add, Believe, Change, OpenThread, SetProject, SetVital, WriteJournal
from sessions.run_folder import read_record, runs_folder

ThingKind = Literal["observation", "belief", "thread", "project", "vital", "run"]
_CANDIDATES_SHOWN = 5


class NotInMemoryError(SessionError):
    """Nothing in the memory has that id, or several things begin with it."""


class Named(BaseModel, frozen=True):
    """What an id stands for. Projects and vitals have their name for an id."""

    kind: ThingKind
    id: str
    agent: str


def find_named(
    memory: Memory, beginning: str, *, agent: str = "", kinds: tuple[ThingKind, ...] = (), home: Path | None = None
) -> Named:
    """What has the id `beginning`, or is the only one whose id begins with it.

    With its kind before it, as in `vital:focus`, it is told apart from another kind of thing of that name.

    Args:
        memory: where to look.
        beginning: an id as a context shows it, or the name of a project or vital.
        agent: only what belongs to this agent; empty for all.
        kinds: only these; empty for all.
        home: where runs are that taught nothing; without it they are not found.

    Raises:
        NotInMemoryError: there is none, or there are several.
    """
    wanted, kind, name = beginning.strip(), *_kind_and_name(beginning.strip())
    in_log = (named for change in memory.changes(agent=agent or None) for named in named_in(change))
    every = dict.fromkeys(chain(in_log, _runs_in(home, name, agent) if home and name else ()))
    allowed = [named for named in every if not kinds or named.kind in kinds]
    found = [named for named in allowed if named.id.startswith(wanted)]
    found = found or [named for named in allowed if named.kind == kind and named.id.startswith(name)]
    matching = [named for named in found if named.id in (wanted, name)] or found
    if wanted and len(matching) == 1:
        return matching[0]
    what = " or ".join(kinds) or "observation, belief, thread, project, vital or run"
    whose = f" of agent {agent!r}" if agent else ""
    if not wanted or not matching:
        raise NotInMemoryError(f"{beginning!r} is no id of any {what}{whose}; `sessions memory search` shows ids")
    shown = ", ".join(f"{named.kind} {named.id} of {named.agent}" for named in matching[:_CANDIDATES_SHOWN])
    more = f" and {len(matching) - _CANDIDATES_SHOWN} more" * (len(matching) > _CANDIDATES_SHOWN)
    same_name = len({named.id for named in matching}) == 1
    give = f"give its kind too, as in {matching[0].kind}:{wanted}, or the agent" if same_name else "give more of the id"
    raise NotInMemoryError(f"{beginning!r} is the beginning of several: {shown}{more}; {give}")


def _kind_and_name(given: str) -> tuple[str, str]:
    """`vital:focus` in its two parts; what names no kind has none."""
    kind, _, name = given.partition(":")
    return (kind, name.strip()) if kind in get_args(ThingKind) else ("", given)


def named_in(change: Change) -> Iterator[Named]:
    """What a change is about: the things that it makes or sets, and its run."""
    match change:
        case Add():
            yield Named(kind="observation", id=change.observation.id, agent=change.agent)
        case Believe():
            yield Named(kind="belief", id=change.belief, agent=change.agent)
        case OpenThread():
            yield Named(kind="thread", id=change.thread, agent=change.agent)
        case SetProject():
            yield Named(kind="project", id=change.name, agent=change.agent)
        case SetVital():
            yield Named(kind="vital", id=change.name, agent=change.agent)
        case WriteJournal():
            yield Named(kind="run", id=change.entry.id, agent=change.agent)
    yield Named(kind="run", id=change.run, agent=change.agent)


def _runs_in(home: Path, beginning: str, agent: str) -> Iterator[Named]:
    folders = (path for path in runs_folder(home).glob("*/") if path.name.startswith(beginning))
    for folder in folders:
        with suppress(RunFolderError):
            whose = read_record(folder).spec.agent
            if agent in ("", whose):
                yield Named(kind="run", id=folder.name, agent=whose)
