"""Questions on their way to a person, and the answers on their way back."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from sessions.disguises import without_invisible
from sessions.errors import AnswerError
from sessions.runners.questions import Question
from sessions.safe_markdown import plain

_ANSWERS: TypeAdapter[list[str]] = TypeAdapter(list[str])
_LONGEST_IN_SHORT = 300


class QuestionForm(BaseModel, frozen=True):
    """Some questions that wait for a person; an answer names `id`, so that it is never taken for that to others."""

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    questions: list[Question] = Field(min_length=1)


#: Gets questions to a person, and the answers back: one to each question, or None if none came in time. A ServerError
#: says that they cannot be asked.
WaitForAnswers = Callable[[QuestionForm], Awaitable[list[str] | None]]


def render_form(form: QuestionForm) -> str:
    """The questions with their choices numbered, as Markdown."""
    return _render(form, plain, strong="**")


def render_for_terminal(form: QuestionForm) -> str:
    """The same as it is read in a terminal, which the agent's words cannot command."""
    return _render(form, without_invisible)


def render_answered(form: QuestionForm, answers: Sequence[str] | None) -> str:
    """The questions as Markdown when nobody waits for an answer any more, with what was answered."""
    told = [f"{number}. {plain(answer)}" for number, answer in enumerate(answers or (), 1)]
    ended = "\n".join(["**Answered:**", "", *told]) if told else "**Nobody answered in time.**"
    return f"{render_form(form)}\n\n{ended}"


def _render(form: QuestionForm, written: Callable[[str], str], *, strong: str = "") -> str:
    return "\n\n".join("\n".join(_lines(*each, written, strong)) for each in enumerate(form.questions, 1))


def _lines(number: int, question: Question, written: Callable[[str], str], strong: str) -> Iterator[str]:
    yield f"{number}. {written(question.question)}" + " (one or more)" * question.multi_select
    for place, choice in enumerate(question.options, 1):
        more = f": {written(choice.description)}" if choice.description else ""
        yield f"   {place}. {strong}{written(choice.label)}{strong}{more}"


def in_short(questions: Iterable[str]) -> str:
    """What was asked, in one line that a terminal can show."""
    asked = " / ".join(" ".join(without_invisible(question).split()) for question in questions)
    return asked if len(asked) <= _LONGEST_IN_SHORT else asked[:_LONGEST_IN_SHORT] + "…"


def how_to_answer(run_id: str, form: QuestionForm, until: datetime) -> str:
    """What a person does about it."""
    each = " ".join(
        f"ANSWER{number if len(form.questions) > 1 else ''}" for number in range(1, len(form.questions) + 1)
    )
    return (
        f"Answer until {until:%Y-%m-%d %H:%M %Z} with `sessions run answer {run_id} {each}`: the number of a choice, "
        "or words of your own."
    )


def choose_answers(form: QuestionForm, given: Sequence[str]) -> list[str]:
    """What a person's words mean: the numbers of choices as those, anything else as it is.

    Raises:
        AnswerError: there is not one answer to each question, one is blank, or a number is that of no choice.
    """
    if len(given) != len(form.questions):
        count = len(form.questions)
        raise AnswerError(f"give one answer to each question, {count} in all; there {_are(len(given))}")
    return [_chosen(question, answer.strip()) for question, answer in zip(form.questions, given, strict=True)]


def _chosen(question: Question, answer: str) -> str:
    if not answer:
        raise AnswerError(f"the answer to {question.question!r} is blank; write some words, or the number of a choice")
    numbers = answer.replace(" ", "").split(",") if question.multi_select else [answer]
    if not question.options or not all(number.isdecimal() for number in numbers):
        return answer
    wrong = next((number for number in numbers if not 1 <= int(number) <= len(question.options)), "")
    if wrong:
        raise AnswerError(
            f"{wrong} is the number of no choice for {question.question!r}; give 1 to {len(question.options)}"
        )
    return ", ".join(question.options[int(number) - 1].label for number in numbers)


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}"


def write_answers(answers: Sequence[str]) -> str:
    """The answers as they are stored."""
    return _ANSWERS.dump_json(list(answers)).decode()


def read_answers(stored: str, form: QuestionForm) -> list[str] | None:
    """The answers in what was stored; None if it is not one for each question, whoever wrote it."""
    try:
        answers = _ANSWERS.validate_json(stored)
    except ValidationError:
        return None
    return answers if len(answers) == len(form.questions) else None
