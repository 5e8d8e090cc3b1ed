"""The form in which the model answers that consolidates a memory."""

from pydantic import BaseModel, Field

from sessions.answer_numbers import HalfLifeDays, Share
from sessions.memory.things import HALF_LIFE_DAYS


class Merge(BaseModel):
    """Observations that say the same, and one sentence in place of them."""

    observations: list[str] = Field(description="Ids, two or more.")
    text: str
    reason: str


class Insight(BaseModel):
    """What several observations come to together; they stay."""

    observations: list[str] = Field(description="Ids of those that it rests on, two or more.")
    text: str


class NewBelief(BaseModel):
    """What the agent should hold to be so from now on."""

    observations: list[str] = Field(description="Ids of those that speak for it, of at least two runs.")
    text: str
    confidence: Share = 0.5
    half_life_days: HalfLifeDays = HALF_LIFE_DAYS


class Ending(BaseModel):
    """An observation or belief that fades, or a thread that is closed."""

    id: str
    reason: str


class Answer(BaseModel):
    """The whole answer; its JSON schema goes with the request."""

    merges: list[Merge] = []
    insights: list[Insight] = []
    beliefs: list[NewBelief] = []
    faded_observations: list[Ending] = []
    faded_beliefs: list[Ending] = []
    closed_threads: list[Ending] = []
