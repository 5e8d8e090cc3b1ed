"""What each memory tool takes; the docstring of each is what the model is told of it."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from sessions.memory.things import CONSOLIDATION, ThreadTag

#: So much of an id is enough to name what it belongs to.
ID_CHARACTERS = 8
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def without_control(text: str) -> str:
    """`text` without what only a terminal understands."""
    return _CONTROL.sub("", text).strip()


def _plain(text: str) -> str:
    clean = without_control(text)
    if text and not clean:
        raise ValueError("is blank")
    return clean


def _own(name: str) -> str:
    if name.casefold() == CONSOLIDATION:
        raise ValueError("is set by the consolidation alone; choose another")
    return name


Line = Annotated[str, Field(max_length=300), AfterValidator(_plain)]
Words = Annotated[str, Field(max_length=2000), AfterValidator(_plain)]
SomeWords = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_plain)]
Id = Annotated[str, Field(min_length=ID_CHARACTERS, max_length=100, description="Its id, or how that begins.")]


class RecallInput(BaseModel, extra="forbid"):
    """Look up what earlier sessions learned: observations with date and source, and the beliefs that go with them."""

    query: SomeWords = Field(description="What you want to know, in a few words.")
    limit: int = Field(10, ge=1, le=30, description="How many observations at most.")


class ListThreadsInput(BaseModel, extra="forbid"):
    """List the open threads that are yours to work on: their ids, what they are about, and since when."""


class NoteThreadInput(BaseModel, extra="forbid"):
    """Note a question or a piece of work for a later session."""

    text: SomeWords = Field(description="What it is about, so that it can be understood without this session.")
    tag: ThreadTag = Field(
        description="discuss: only a person can decide it. solo: you can go on with it alone. experiment: a trial "
        "whose result has to be looked at later."
    )


class CloseThreadInput(BaseModel, extra="forbid"):
    """Close a thread that is done with."""

    thread: Id
    reason: SomeWords = Field(description="What came of it.")


class StrengthenBeliefInput(BaseModel, extra="forbid"):
    """Say that something you saw in this session speaks for a belief. Once a session and belief."""

    belief: Id
    reason: SomeWords = Field(description="What you saw.")


class FadeBeliefInput(BaseModel, extra="forbid"):
    """Say that a belief does not hold any more. It is kept with the reason, so that it is not learned again."""

    belief: Id
    reason: SomeWords = Field(description="What speaks against it.")


class WriteJournalInput(BaseModel, extra="forbid"):
    """Write this session's journal entry, one sentence each. What you write later takes the place of it."""

    theme: SomeWords = Field(description="What the session was about.")
    built: Words = Field("", description="What you built.")
    noticed: Words = Field("", description="What you noticed.")
    changed: Words = Field("", description="What you changed.")
    assumptions: Words = Field("", description="I assumed X, ….")
    next: Words = Field("", description="What the next session should begin with.")


class SetVitalInput(BaseModel, extra="forbid"):
    """Set an indicator of how the work goes, such as a count of failing tests. A flagged one is acted on first."""

    name: Annotated[Line, Field(min_length=1), AfterValidator(_own)] = Field(description="The same words each time.")
    value: Annotated[Line, Field(min_length=1)] = Field(description="What it is now, with its unit.")
    flagged: bool = Field(default=False, description="Whether the next session must act on it first.")
    note: Words = Field("", description="Why, or what to do.")


class SetProjectInput(BaseModel, extra="forbid"):
    """Say where a project stands that goes on over several sessions. What it said before gives way."""

    name: Annotated[Line, Field(min_length=1)] = Field(description="The same words each time.")
    status: Annotated[Line, Field(min_length=1)] = Field(description="Where it stands now.")
    blocking: Words = Field("", description="What keeps it from going on.")
    waiting_for: Words = Field("", description="Whom or what outside it waits for.")


#: Every tool by its name; `sessions.memory_tools.AgentMemory` has a method for each.
INPUTS: dict[str, type[BaseModel]] = {
    "recall": RecallInput,
    "list_threads": ListThreadsInput,
    "note_thread": NoteThreadInput,
    "close_thread": CloseThreadInput,
    "strengthen_belief": StrengthenBeliefInput,
    "fade_belief": FadeBeliefInput,
    "write_journal": WriteJournalInput,
    "set_vital": SetVitalInput,
    "set_project": SetProjectInput,
}
