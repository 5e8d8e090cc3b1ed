"""A question of the agent to a person: its form, which is that of Claude Code's own tool, and what comes back."""

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

#: The tool's name in every runner.
QUESTION_TOOL = "AskUserQuestion"
#: What stands in the transcript where nobody answered.
NOBODY = "Nobody answers this; the session ends here."


class _Spoken(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Choice(_Spoken):
    """One of the answers that the agent proposes."""

    label: str = Field(min_length=1, max_length=500, description="The answer, in a few words.")
    description: str = Field("", max_length=2000, description="What it would mean.")


class Question(_Spoken):
    """One question. A person may choose, or answer in words of their own."""

    question: str = Field(min_length=1, max_length=4000, description="The whole question.")
    header: str = Field("", max_length=200, description="What it is about, in a word or two.")
    options: list[Choice] = Field([], max_length=20, description="The answers you can think of.")
    multi_select: bool = Field(default=False, description="Whether several may be chosen.")


class AskInput(_Spoken):
    """Ask a person what only a person can decide."""

    questions: list[Question] = Field(min_length=1, max_length=10, description="The questions, at most 10.")


class Answered(BaseModel, frozen=True):
    """What the agent is told, by question."""

    answers: dict[str, str]

    def text(self) -> str:
        """In the words of a tool's result."""
        return "\n".join(f"{question}\n→ {answer}" for question, answer in self.answers.items())


class Unanswered(BaseModel, frozen=True):
    """The agent cannot go on; `reason` says what it wanted to know, in a sentence without a full stop."""

    reason: str


Became = Literal["assumed", "waiting", "answered", "unanswered"]


class AskedQuestion(BaseModel):
    """A question that a run has asked, as its record keeps it, and what became of it.

    `assumed`: the agent was told to state its assumption and go on. `thread` is where it waits for a person; empty if
    the memory did not take it.
    """

    question: str
    asked_at: AwareDatetime
    became: Became
    answer: str = ""
    thread: str = ""


@runtime_checkable
class Attendant(Protocol):
    """Takes the agent's questions in place of a person, or gets them to one."""

    #: What the agent is told about it before it starts, as sentences.
    briefing: str

    @property
    def waited_seconds(self) -> float:
        """How long the run has waited for a person, up to now. It is no time of the agent's."""
        ...

    async def ask(self, questions: Sequence[Question]) -> Answered | Unanswered:
        """Take some questions; returns when the agent can go on, or never will.

        Raises:
            RunFolderError: the disk does not take them.
        """
        ...


#: What an agent is told that nobody takes questions of.
ALONE = (
    "You are an agent that works unattended: nobody reads along and nobody answers questions. Where something is\n"
    "unclear, choose the most reasonable reading, say that you did, and go on."
)


def briefing_of(attendant: Attendant | None) -> str:
    """How the agent stands with people, for its system prompt."""
    return attendant.briefing if attendant else ALONE


def may_ask(disallowed: Sequence[str]) -> bool:
    """Whether rules leave the agent its questions."""
    return all(rule.strip() != QUESTION_TOOL for rule in disallowed)


def without_questions(rules: Sequence[str]) -> list[str]:
    """The rules about other tools. A question needs no rule that allows it."""
    return [rule for rule in rules if rule.strip() != QUESTION_TOOL]
