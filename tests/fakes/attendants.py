"""Somebody who takes an agent's questions."""

from collections.abc import Sequence

from sessions.runners.questions import Answered, Question, Unanswered


class FakeAttendant:
    """Answers every question alike, or not at all, and remembers what was asked."""

    briefing = "You are watched by a fake."
    waited_seconds = 0.0

    def __init__(self, answer: str = "") -> None:
        self.asked: list[Question] = []
        self._answer = answer

    async def ask(self, questions: Sequence[Question]) -> Answered | Unanswered:
        self.asked += questions
        if not self._answer:
            return Unanswered(reason=f"nobody says {questions[0].question}")
        return Answered(answers={question.question: self._answer for question in questions})
