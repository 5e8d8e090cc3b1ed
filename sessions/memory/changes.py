"""Everything that can happen to a memory, as one log: what a memory holds at any time is read from it (ADR 0022)."""

import json
from typing import Annotated, Literal
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, Field, TypeAdapter
from pydantic_core import PydanticSerializationError

from sessions.memory.things import HALF_LIFE_DAYS, JournalEntry, Moment, Observation, Origin, ThreadTag


class _Change(BaseModel, frozen=True):
    """What all changes say: `id` makes a repeated one the same one, `run` who made it, `at` when."""

    id: str
    agent: str
    run: str
    at: Moment
    #: Whose words it rests on. What a tool or the web said makes and strengthens no belief.
    origin: Origin = "agent"
    #: Those words, verbatim, and the transcript's entry that holds them; empty where no words are known.
    quote: str = ""
    span: str = ""


class Add(_Change, frozen=True):
    """A new observation. With `quarantined`, the reason why nobody but a person gets to see it."""

    op: Literal["add"] = "add"
    observation: Observation
    quarantined: str = ""


class Confirm(_Change, frozen=True):
    """An observation was met again, in the words of `quote`."""

    op: Literal["confirm"] = "confirm"
    observation: str
    quote: str


class Supersede(_Change, frozen=True):
    """An observation is no longer so; `successor` is the observation that is, if there is one."""

    op: Literal["supersede"] = "supersede"
    observation: str
    successor: str = ""
    reason: str = ""


class Fade(_Change, frozen=True):
    """An observation no longer matters enough to be shown."""

    op: Literal["fade"] = "fade"
    observation: str
    reason: str


class Release(_Change, frozen=True):
    """A person looked at a quarantined observation and found it harmless."""

    op: Literal["release"] = "release"
    observation: str
    reason: str


class Believe(_Change, frozen=True):
    """A new belief. One that is there already, also faded, stays as it is."""

    op: Literal["believe"] = "believe"
    belief: str
    text: str = Field(min_length=1)
    confidence: float = Field(0.5, ge=0, le=1)
    half_life_days: float = Field(HALF_LIFE_DAYS, gt=0)
    evidence: tuple[str, ...] = ()


class Strengthen(_Change, frozen=True):
    """Something more speaks for a belief. It does not bring back a faded one, unless its owner says so."""

    op: Literal["strengthen"] = "strengthen"
    belief: str
    reason: str = ""
    evidence: tuple[str, ...] = ()


class FadeBelief(_Change, frozen=True):
    """A belief is not held any more; it stays, with the reason, so that it is not learned again."""

    op: Literal["fade_belief"] = "fade_belief"
    belief: str
    reason: str = Field(min_length=1)


class OpenThread(_Change, frozen=True):
    """A question or piece of work that waits for a session of its kind."""

    op: Literal["open_thread"] = "open_thread"
    thread: str
    tag: ThreadTag
    text: str = Field(min_length=1)
    session: str = ""


class CloseThread(_Change, frozen=True):
    """A thread is done with."""

    op: Literal["close_thread"] = "close_thread"
    thread: str
    reason: str = Field(min_length=1)


class _Shown(_Change, frozen=True):
    """What is shown until it is said anew. `faded` is why it is not even that any more; empty for what is said."""

    faded: str = ""


class WriteJournal(_Shown, frozen=True):
    """The run's journal entry; what a run writes later stands in place of what it wrote before."""

    op: Literal["write_journal"] = "write_journal"
    entry: JournalEntry


class SetProject(_Shown, frozen=True):
    """Where a project stands now."""

    op: Literal["set_project"] = "set_project"
    name: str = Field(min_length=1)
    status: str
    blocking: str = ""
    waiting_for: str = ""


class SetVital(_Shown, frozen=True):
    """An indicator now."""

    op: Literal["set_vital"] = "set_vital"
    name: str = Field(min_length=1)
    value: str
    flagged: bool = False
    note: str = ""


class Revert(_Change, frozen=True):
    """All that the run `reverted` changed is taken back, with what was derived from it."""

    op: Literal["revert"] = "revert"
    reverted: str
    reason: str = ""


Change = Annotated[
    Add
    | Confirm
    | Supersede
    | Fade
    | Release
    | Believe
    | Strengthen
    | FadeBelief
    | OpenThread
    | CloseThread
    | WriteJournal
    | SetProject
    | SetVital
    | Revert,
    Field(discriminator="op"),
]
#: Reads one change from JSON, as `sessions memory export` writes them, one a line.
CHANGE: TypeAdapter[Change] = TypeAdapter(Change)
Op = Literal[
    "add",
    "confirm",
    "supersede",
    "fade",
    "release",
    "believe",
    "strengthen",
    "fade_belief",
    "open_thread",
    "close_thread",
    "write_journal",
    "set_project",
    "set_vital",
    "revert",
]


def identity(*parts: str) -> str:
    """The id of what `parts` say: the same for the same parts, so that what is repeated after a crash is known."""
    return str(uuid5(NAMESPACE_URL, "\x1f".join(" ".join(part.split()) for part in parts)))


def subject_of(change: Change) -> str:
    """What the change is about, by id or name: an observation, belief, thread, entry, project, vital, or a run."""
    match change:
        case Add() | WriteJournal():
            return (change.observation if isinstance(change, Add) else change.entry).id
        case Believe() | Strengthen() | FadeBelief():
            return change.belief
        case OpenThread() | CloseThread():
            return change.thread
        case SetProject() | SetVital():
            return change.name
        case Revert():
            return change.reverted
    return change.observation


def as_json(change: Change) -> str:
    """The change on one line, as `CHANGE` reads it; half of a surrogate pair, which JSON cannot hold, becomes a `?`."""
    try:
        return change.model_dump_json()
    except PydanticSerializationError:
        return json.dumps(change.model_dump(mode="json"), ensure_ascii=False).encode("utf-8", "replace").decode()


def storable(change: Change) -> Change:
    """The same change, with a `?` for half of a surrogate pair, which no store takes.

    Raises:
        UnicodeEncodeError: it stands in an id or a name.
    """
    try:
        change.model_dump_json()
    except PydanticSerializationError:
        for name in (change.id, change.agent, change.run, subject_of(change)):
            name.encode()
        return CHANGE.validate_json(as_json(change))
    return change
