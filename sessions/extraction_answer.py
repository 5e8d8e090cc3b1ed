"""The form in which the extraction model answers."""

from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from sessions.answer_numbers import HalfLifeDays, Share
from sessions.memory.things import HALF_LIFE_DAYS, ObservationKind, ThreadTag


class ExtractedObservation(BaseModel):
    """One observation: a new one, or one that is known and was met again or is no longer so."""

    what: ClassVar[Literal["observation"]] = "observation"
    action: Literal["ADD", "CONFIRM", "SUPERSEDE"]
    id: str = Field("", description="CONFIRM and SUPERSEDE: the known observation's id.")
    kind: ObservationKind = "fact"
    text: str = Field(description="One self-contained sentence: what is so now.")
    quote: str = Field(description="Copied letter for letter from one transcript entry.")
    importance: Share = 0.5


class ExtractedBelief(BaseModel):
    """A belief: a new one, or one that is held and got stronger or is wrong."""

    what: ClassVar[Literal["belief"]] = "belief"
    action: Literal["BELIEVE", "STRENGTHEN", "FADE"]
    id: str = Field("", description="STRENGTHEN and FADE: the belief's id.")
    text: str = Field("", description="BELIEVE: what is believed, one sentence.")
    reason: str = Field("", description="STRENGTHEN and FADE: why, one sentence.")
    quote: str
    confidence: Share = 0.5
    half_life_days: HalfLifeDays = HALF_LIFE_DAYS


class ExtractedThread(BaseModel):
    """A thread: one that was opened, or a known one that is done with."""

    what: ClassVar[Literal["thread"]] = "thread"
    action: Literal["OPEN", "CLOSE"]
    id: str = Field("", description="CLOSE: the thread's id.")
    tag: ThreadTag = "solo"
    text: str = Field("", description="OPEN: the question or the work, one sentence.")
    reason: str = Field("", description="CLOSE: why it is done with, one sentence.")
    quote: str


class ExtractedJournal(BaseModel):
    """The run's journal entry."""

    theme: str
    built: str
    noticed: str
    changed: str
    assumptions: str
    next: str


class Extracted(BaseModel):
    """The model's whole answer; its JSON schema goes with the request."""

    observations: list[ExtractedObservation]
    beliefs: list[ExtractedBelief] = []
    threads: list[ExtractedThread] = []
    journal: ExtractedJournal
