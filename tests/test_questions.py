import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from sessions.errors import ServerError
from sessions.memory.changes import CloseThread, OpenThread
from sessions.question_form import QuestionForm
from sessions.questions import ASSUME, UnattendedAttendant, in_words
from sessions.redaction import Redactor
from sessions.run_folder import RunFolder, read_record
from sessions.runners.questions import Answered, Attendant, Question, Unanswered
from sessions.spec import SessionSpec
from tests.fakes.agent_memory import DISCUSS, TOKEN, RunMemory
from tests.fakes.records import SLOT, a_folder

DOOR = Question.model_validate(
    {"question": "Which door?", "options": [{"label": "green", "description": "the cellar's"}, {"label": "red"}]}
)
LAMP = Question(question="Lamp on or off?")


class Asked:
    """An attendant of one run, whose person answers `answers`, or never."""

    def __init__(self, folder: Path, unattended: str, answers: list[str] | None = None) -> None:
        spec = SessionSpec.model_validate({"prompt": "x", "unattended": unattended})
        self.run: RunFolder = a_folder(folder, spec=spec)
        self.memory = RunMemory(folder)
        self.forms: list[QuestionForm] = []
        self.seconds = 100.0
        self.during: Callable[[], None] = lambda: None
        self._answers = answers
        self.attendant = UnattendedAttendant(
            self.run,
            self.memory.memory,
            wait=self._person,
            wait_seconds=7200,
            redact=Redactor({"DOOR_TOKEN": TOKEN}),
            now=lambda: SLOT,
            clock=lambda: self.seconds,
            new_id=lambda: f"form-{len(self.forms)}",
        )

    async def _person(self, form: QuestionForm) -> list[str] | None:
        self.forms.append(form)
        self.seconds += 50
        self.during()
        await asyncio.sleep(0)
        return self._answers

    def ask(self, *questions: Question) -> Answered | Unanswered:
        return asyncio.run(self.attendant.ask(questions))

    @property
    def kept(self) -> list[tuple[str, str, str]]:
        """What the record on the disk says."""
        return [(asked.question, asked.became, asked.answer) for asked in read_record(self.run.path).questions]


def test_it_is_an_attendant(tmp_path: Path) -> None:
    assert isinstance(Asked(tmp_path, "assume").attendant, Attendant)


def test_assume_tells_the_agent_to_state_its_assumption_and_go_on(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "assume")
    assert asked.ask(DOOR, LAMP) == Answered(answers={"Which door?": ASSUME, "Lamp on or off?": ASSUME})
    assert asked.kept == [("Which door?", "assumed", ""), ("Lamp on or off?", "assumed", "")]
    assert (asked.forms, asked.attendant.waited_seconds) == ([], 0.0)


def test_what_was_asked_waits_to_be_discussed_with_its_choices(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "assume")
    asked.ask(DOOR)
    (opened,) = asked.memory.written()
    assert isinstance(opened, OpenThread)
    assert (opened.tag, opened.text) == ("discuss", "Which door?\n- green: the cellar's\n- red")
    assert read_record(asked.run.path).questions[0].thread == opened.thread


def test_a_question_that_waits_already_is_not_queued_again(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "assume")
    asked.ask(Question(question="Which colour?"))
    assert asked.memory.written() == []
    assert read_record(asked.run.path).questions[0].thread == DISCUSS


def test_fail_ends_the_run_with_what_it_wanted_to_know(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "fail")
    assert asked.ask(DOOR) == Unanswered(reason="nobody was there to answer: Which door?")
    assert asked.kept == [("Which door?", "unanswered", "")]
    assert [type(change) for change in asked.memory.written()] == [OpenThread]


def test_a_long_question_is_shortened_in_the_reason_and_whole_in_the_record(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "fail")
    found = asked.ask(Question(question="Which\ndoor " * 200))
    assert isinstance(found, Unanswered)
    assert len(found.reason) < 400
    assert "\n" not in found.reason
    assert asked.kept[0][0] == "Which\ndoor " * 200


def test_pause_gives_the_agent_the_answers_and_closes_the_threads(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "pause", ["green", "off"])
    assert asked.ask(DOOR, LAMP) == Answered(answers={"Which door?": "green", "Lamp on or off?": "off"})
    assert asked.kept == [("Which door?", "answered", "green"), ("Lamp on or off?", "answered", "off")]
    written = asked.memory.written()
    assert [type(change) for change in written] == [OpenThread, OpenThread, CloseThread, CloseThread]
    with asked.memory.open() as store:
        store.apply(written)
        assert [thread.id for thread in store.state(agent="main").open_threads("discuss")] == [DISCUSS]


def test_pause_without_an_answer_ends_the_run_and_leaves_the_question_to_discuss(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "pause", None)
    assert asked.ask(DOOR) == Unanswered(reason="nobody answered within 2 h: Which door?")
    assert asked.kept == [("Which door?", "unanswered", "")]
    assert [type(change) for change in asked.memory.written()] == [OpenThread]


def test_a_server_that_takes_no_question_ends_the_run_with_the_reason(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "pause", ["green"])

    def refuse() -> None:
        raise ServerError("the Prefect server does not take the question")

    asked.during = refuse
    why = "nobody could be asked, because the Prefect server does not take the question: Which door?"
    assert asked.ask(DOOR) == Unanswered(reason=why)
    assert asked.kept == [("Which door?", "unanswered", "")]


def test_every_form_has_an_id_of_its_own_so_that_no_answer_is_taken_for_another(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "pause", ["green"])
    asked.ask(DOOR)
    asked.ask(DOOR)
    assert [form.id for form in asked.forms] == ["form-0", "form-1"]


def test_the_time_that_a_person_takes_is_counted_while_it_passes(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "pause", ["green"])
    seen: list[float] = []
    asked.during = lambda: seen.append(asked.attendant.waited_seconds)
    asked.ask(DOOR)
    asked.seconds += 1000
    asked.ask(DOOR)
    assert seen == [50.0, 100.0]
    assert asked.attendant.waited_seconds == 100.0


def test_a_question_is_on_disk_before_a_person_is_waited_for(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "pause", ["green"])
    seen: list[str] = []
    asked.during = lambda: seen.extend(became for _, became, _ in asked.kept)
    asked.ask(DOOR)
    assert seen == ["waiting"]


def test_two_questions_at_once_come_to_a_person_one_after_the_other(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "pause", ["green"])

    async def both() -> list[Answered | Unanswered]:
        return await asyncio.gather(asked.attendant.ask([DOOR]), asked.attendant.ask([LAMP]))

    assert all(isinstance(found, Answered) for found in asyncio.run(both()))
    assert (len(asked.forms), asked.attendant.waited_seconds) == (2, 100.0)


def test_secrets_are_not_kept(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "pause", [f"use {TOKEN}"])
    asked.ask(Question(question=f"Is {TOKEN} right?"))
    assert asked.kept == [("Is [redacted] right?", "answered", "use [redacted]")]
    assert TOKEN not in (asked.run.path / "run.json").read_text() + asked.memory.path.read_text()


def test_a_memory_that_is_broken_keeps_no_question_from_being_taken(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "assume")
    (tmp_path / "memory.sqlite3").write_bytes(b"not a memory" * 100)
    assert isinstance(asked.ask(DOOR), Answered)
    assert read_record(asked.run.path).questions[0].thread == ""


@pytest.mark.parametrize(("unattended", "words"), [("assume", "nobody answers"), ("fail", "ends"), ("pause", "hours")])
def test_the_agent_is_told_beforehand_what_becomes_of_a_question(tmp_path: Path, unattended: str, words: str) -> None:
    assert words in Asked(tmp_path, unattended).attendant.briefing


@pytest.mark.parametrize(("seconds", "words"), [(5, "5 s"), (90, "1.5 min"), (43200, "12 h"), (1209600, "336 h")])
def test_spans_are_told_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
