"""What a memory holds: observations, journal entries, beliefs, threads, projects and vitals."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC; one without a zone is taken for UTC.

    Raises:
        ValueError: it is outside the calendar there.
    """
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{moment.isoformat()} is outside the calendar when read in UTC") from error


#: A moment in UTC. One with another offset is converted; one without any is taken for UTC.
Moment = Annotated[datetime, AfterValidator(in_utc)]
ObservationKind = Literal["fact", "decision", "problem", "preference", "event", "insight"]
#: Whose words something rests on. Found from the structure of the transcript, never from what a model says.
Origin = Literal["owner", "agent", "tool", "web"]
Status = Literal["active", "superseded", "reverted", "quarantined", "faded"]
#: Which kind of session a thread waits for: `discuss` one with a person, the others one without.
ThreadTag = Literal["discuss", "solo", "experiment"]
#: In how many days a belief that nothing strengthens loses half of its confidence, where nobody says otherwise.
HALF_LIFE_DAYS = 90
#: The vital by which a consolidation says when it was done; nobody else may set it.
CONSOLIDATION = "consolidation"


class Source(BaseModel, frozen=True):
    """Where something comes from: the run, the transcript's entry, and whose words they are."""

    run: str
    span: str = ""
    origin: Origin = "agent"


class Observation(BaseModel, frozen=True):
    """One thing worth knowing next time.

    `quote` is verbatim from the transcript; `context` is the turn before it. Both are indexed beside `text`.
    `event_at` is when it was so, `created_at` when it was learned. `importance` is 0 to 1. `derived_from` names the
    observations that an insight rests on. `status` is what the store says now, or as of the time that was asked for;
    `reason` says why it is not active.
    """

    id: str
    agent: str
    kind: ObservationKind = "fact"
    text: str = Field(min_length=1)
    quote: str = ""
    context: str = ""
    event_at: Moment
    created_at: Moment
    source: Source
    importance: float = Field(0.5, ge=0, le=1)
    derived_from: tuple[str, ...] = ()
    status: Status = "active"
    reason: str = ""


class JournalEntry(BaseModel, frozen=True):
    """What one run was about, in its own words. `id` is the run's."""

    id: str
    agent: str
    session: str
    at: Moment
    theme: str
    built: str = ""
    noticed: str = ""
    changed: str = ""
    assumptions: str = ""
    next: str = ""


class Belief(BaseModel, frozen=True):
    """Something the agent holds to be so, more or less.

    `confidence` is 0 to 1 as of `changed_at`, and halves every `half_life_days` in which nothing strengthens it.
    `evidence` names the observations it rests on. A faded one keeps the `reason`, so that it is not learned again.
    """

    id: str
    text: str
    confidence: float = Field(ge=0, le=1)
    half_life_days: float = Field(HALF_LIFE_DAYS, gt=0)
    evidence: tuple[str, ...] = ()
    run: str
    created_at: Moment
    changed_at: Moment
    faded_at: Moment | None = None
    reason: str = ""

    def confidence_at(self, moment: datetime) -> float:
        """How sure the agent is at `moment`: 0 for one that was faded by then."""
        if self.faded_at and self.faded_at <= moment:
            return 0.0
        days = max((moment - self.changed_at).total_seconds(), 0) / 86_400
        return float(self.confidence * 0.5 ** (days / self.half_life_days))


class Thread(BaseModel, frozen=True):
    """An unresolved question or an open piece of work, and which kind of session may take it up."""

    id: str
    tag: ThreadTag
    text: str
    session: str = ""
    run: str
    opened_at: Moment
    closed_at: Moment | None = None
    reason: str = ""


class Project(BaseModel, frozen=True):
    """What is in the pipeline: where it stands, what blocks it, whom it waits for."""

    name: str
    status: str
    blocking: str = ""
    waiting_for: str = ""
    run: str
    changed_at: Moment


class Vital(BaseModel, frozen=True):
    """An indicator of how the work goes; a flagged one is to be acted on first."""

    name: str
    value: str
    flagged: bool = False
    note: str = ""
    run: str
    changed_at: Moment
