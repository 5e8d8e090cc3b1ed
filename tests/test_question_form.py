from datetime import UTC, datetime

import pytest

from sessions.errors import AnswerError
from sessions.question_form import (
    QuestionForm,
    choose_answers,
    how_to_answer,
    in_short,
    read_answers,
    render_for_terminal,
    render_form,
    write_answers,
)
from sessions.runners.questions import Question

DOOR = Question.model_validate(
    {"question": "Which door?", "options": [{"label": "green", "description": "the cellar's"}, {"label": "red"}]}
)
DOORS = DOOR.model_copy(update={"question": "Which doors?", "multi_select": True})
LAMP = Question(question="Lamp *on* or off?")
UNTIL = datetime(2026, 11, 20, 14, tzinfo=UTC)


def form(*questions: Question) -> QuestionForm:
    return QuestionForm(id="f", questions=list(questions))


def test_questions_and_choices_are_numbered() -> None:
    assert render_form(form(DOOR, LAMP)) == (
        "1. Which door?\n   1. **green**: the cellar's\n   2. **red**\n\n2. Lamp \\*on\\* or off?"
    )
    assert render_form(form(DOORS)).startswith("1. Which doors? (one or more)")


def test_a_terminal_shows_the_words_themselves_and_obeys_none_of_them() -> None:
    asked = Question(question="Lamp *on*,\x1b[2J or <b>off</b>?", options=DOOR.options)
    assert render_for_terminal(form(asked)) == ("1. Lamp *on*,[2J or <b>off</b>?\n   1. green: the cellar's\n   2. red")


def test_what_was_asked_is_one_short_line_without_what_only_a_terminal_understands() -> None:
    assert in_short(["Which\ndoor?", "Lamp\x1b[31m on?"]) == "Which door? / Lamp[31m on?"
    assert in_short(["?" * 4000]) == "?" * 300 + "…"


def test_how_to_answer_says_the_command_and_until_when() -> None:
    assert "`sessions run answer r-1 ANSWER`" in how_to_answer("r-1", form(DOOR), UNTIL)
    assert "until 2026-11-20 14:00 UTC with `sessions run answer r-1 ANSWER1 ANSWER2`" in how_to_answer(
        "r-1", form(DOOR, LAMP), UNTIL
    )


@pytest.mark.parametrize(
    ("question", "given", "answer"),
    [
        (DOOR, "2", "red"),
        (DOOR, " the blue one ", "the blue one"),
        (DOOR, "1, 2", "1, 2"),
        (DOORS, "1, 2", "green, red"),
        (DOORS, "2", "red"),
        (LAMP, "2", "2"),
    ],
)
def test_the_number_of_a_choice_stands_for_it_and_words_for_themselves(
    question: Question, given: str, answer: str
) -> None:
    assert choose_answers(form(question), [given]) == [answer]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "give one answer to each question, 2 in all; there are 0"),
        (["green"], "there is 1"),
        (["green", "on", "more"], "there are 3"),
        (["3", "on"], "3 is the number of no choice for 'Which door\\?'; give 1 to 2"),
        (["0", "on"], "0 is the number of no choice"),
        (["green", "  "], "is blank"),
    ],
)
def test_what_is_no_answer_is_a_sentence(given: list[str], said: str) -> None:
    with pytest.raises(AnswerError, match=said):
        choose_answers(form(DOOR, LAMP), given)


def test_answers_come_back_as_they_were_stored() -> None:
    assert read_answers(write_answers(["green", "on"]), form(DOOR, LAMP)) == ["green", "on"]


@pytest.mark.parametrize("stored", ["", "yes", '["green"]', '{"a": 1}', "[1, 2]"])
def test_what_somebody_else_stored_is_no_answer(stored: str) -> None:
    assert read_answers(stored, form(DOOR, LAMP)) is None
