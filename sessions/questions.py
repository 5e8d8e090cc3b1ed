"""Who takes an agent's questions when nobody is there: what its session says, and what is kept of each question."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from uuid import uuid4

from sessions.errors import ServerError, SessionError
from sessions.memory_tools import AgentMemory
from sessions.memory_tools_inputs import without_control
from sessions.question_form import QuestionForm, WaitForAnswers, in_short
from sessions.redaction import Redactor
from sessions.run_folder import RunFolder
from sessions.runners.questions import ALONE, QUESTION_TOOL, Answered, AskedQuestion, Became, Question, Unanswered

#: What the agent is told in place of an answer.
ASSUME = (
    "Nobody is here to answer. State your assumption, choose what is most reasonable and can be undone, and go on; "
    "the question is kept for a session with a person."
)
_MINUTE, _HOUR = 60, 3600
_BRIEFINGS = {
    "assume": ALONE,
    "fail": f"""\
You are an agent that works unattended: nobody reads along. Where something is unclear, choose the most reasonable
reading, say that you did, and go on. What only a person can decide you may ask with {QUESTION_TOOL}; that ends this
session, so do first what can be done without.""",
    "pause": f"""\
You are an agent that works unattended: nobody reads along. Where something is unclear, choose the most reasonable
reading, say that you did, and go on. What only a person can decide you may ask with {QUESTION_TOOL}; an answer can take
hours, and without one the session ends there, so do first what can be done without.""",
}


class UnattendedAttendant:
    """Takes the questions of one run as its session's `unattended` says. See `sessions.runners.questions.Attendant`.

    Args:
        run: the run; its record keeps each question.
        memory: takes each question as a thread to discuss.
        wait: asks a person, for a session that pauses.
        wait_seconds: how long that may take, which `wait` sees to.
        redact: takes secrets out of what is kept.
        now: the clock of the record.
        clock: seconds that only go forward.
        new_id: a new id for questions that go to a person.
    """

    def __init__(
        self,
        run: RunFolder,
        memory: AgentMemory,
        *,
        wait: WaitForAnswers,
        wait_seconds: float,
        redact: Redactor,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        new_id: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self.briefing = _BRIEFINGS[run.record.spec.unattended]
        self._run = run
        self._memory = memory
        self._wait_for_person = wait
        self._wait_seconds = wait_seconds
        self._redact = redact
        self._now = now
        self._clock = clock
        self._new_id = new_id
        self._turn = asyncio.Lock()
        self._waited = 0.0
        self._waiting_since: float | None = None

    @property
    def waited_seconds(self) -> float:
        """How long the run has waited for a person, up to now."""
        since = self._waiting_since
        return self._waited + (self._clock() - since if since is not None else 0.0)

    async def ask(self, questions: Sequence[Question]) -> Answered | Unanswered:
        """Keep the questions, and take them as the session says."""
        kept = [await self._keep(question) for question in questions]
        match self._run.record.spec.unattended:
            case "assume":
                self._became(kept, "assumed")
                return Answered(answers={question.question: ASSUME for question in questions})
            case "pause":
                return await self._pause(questions, kept)
        return self._unanswered(kept, "nobody was there to answer")

    async def _keep(self, question: Question) -> AskedQuestion:
        """Write the question down before anything else: what is asked is not lost, whatever becomes of the run."""
        text, thread = self._redact(question.question), await asyncio.to_thread(self._queue, question)
        kept = AskedQuestion(question=text, asked_at=self._now(), became="waiting", thread=thread)
        self._run.record.questions.append(kept)
        self._run.save()
        return kept

    def _queue(self, question: Question) -> str:
        choices = "".join(f"\n- {choice.label}: {choice.description}".rstrip(": ") for choice in question.options)
        # A memory that does not take it is no reason to lose the run: the record and the report have the question.
        with suppress(SessionError):
            return self._memory.open_thread(without_control(question.question + choices), "discuss")[0]
        return ""

    async def _pause(self, questions: Sequence[Question], kept: list[AskedQuestion]) -> Answered | Unanswered:
        # One form after the other, if the agent asks several at once.
        async with self._turn:
            self._waiting_since = self._clock()
            try:
                answers = await self._wait_for_person(QuestionForm(id=self._new_id(), questions=list(questions)))
            except ServerError as error:
                return self._unanswered(kept, f"nobody could be asked, because {error}")
            finally:
                self._waited, self._waiting_since = self.waited_seconds, None
        if answers is None:
            return self._unanswered(kept, f"nobody answered within {in_words(self._wait_seconds)}")
        self._answered(kept, answers)
        return Answered(answers=dict(zip((question.question for question in questions), answers, strict=True)))

    def _answered(self, kept: list[AskedQuestion], answers: Sequence[str]) -> None:
        for question, answer in zip(kept, answers, strict=True):
            question.answer = self._redact(answer)
            with suppress(SessionError):
                if question.thread:
                    self._memory.end_thread(question.thread, f"Answered: {answer}")
        self._became(kept, "answered")

    def _unanswered(self, kept: list[AskedQuestion], why: str) -> Unanswered:
        self._became(kept, "unanswered")
        return Unanswered(reason=f"{why}: {in_short(question.question for question in kept)}")

    def _became(self, kept: list[AskedQuestion], became: Became) -> None:
        for question in kept:
            question.became = became
        self._run.save()


def in_words(seconds: float) -> str:
    """A span of time for a person."""
    if seconds < _MINUTE:
        return f"{seconds:g} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:g} min"
    return f"{seconds / _HOUR:.3g} h"
