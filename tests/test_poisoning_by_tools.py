"""An agent that was talked over by a page writes the page's words with its memory tools; nothing of it gets further."""

from pathlib import Path

import pytest

from sessions.context import Title
from sessions.extraction_prompt import KnownMemories
from sessions.learned import Learned, Who
from sessions.memory.changes import CloseThread, SetVital, as_json
from sessions.memory_tools_inputs import (
    CloseThreadInput,
    FadeBeliefInput,
    NoteThreadInput,
    SetVitalInput,
    StrengthenBeliefInput,
)
from sessions.redaction import Redactor
from sessions.run_context import build_context
from sessions.secret_shapes import MASK
from sessions.settings import Settings
from sessions.transcript import Entry
from tests.fakes.agent_memory import BELIEF, RUN, SOLO, RunMemory
from tests.fakes.extractions import ENTRIES, WHO, fetched, kept_of, said
from tests.fakes.injections import attempts, laundered
from tests.fakes.records import a_folder

#: As long as a value may be.
_VALUE_CHARACTERS = 300
OF_A_RUN = Who(run=RUN, agent="main", session="doors", now=WHO.now)


def as_written(text: str) -> str:
    """The text as a transcript holds it; of some attempts only the mask is left."""
    return Redactor({})(text)


@pytest.fixture
def run(tmp_path: Path) -> RunMemory:
    return RunMemory(tmp_path)


def repeat(words: str, run: RunMemory) -> None:
    """Say the words with every tool that has the next agent act."""
    tools, value = run.memory, words.strip()[:_VALUE_CHARACTERS]
    tools.set_vital(SetVitalInput(name="Doors", value=value, flagged=True))
    tools.close_thread(CloseThreadInput(thread=SOLO, reason=value))
    tools.strengthen_belief(StrengthenBeliefInput(belief=BELIEF, reason=value))
    tools.fade_belief(FadeBeliefInput(belief=BELIEF, reason=value))


def remembered(run: RunMemory, *heard: Entry) -> Learned:
    """What the memory takes of what was written, by an agent that heard this."""
    with run.open() as store:
        known = KnownMemories(threads=tuple(store.state(agent="main").threads.values()))
        learned = kept_of(None, [*ENTRIES, *heard], known, run.written(), OF_A_RUN)
        store.apply(learned.changes)
    return learned


def require_untouched(run: RunMemory, home: Path) -> None:
    with run.open() as store:
        state = store.state(agent="main")
    assert not any(vital.flagged for vital in state.vitals.values())
    assert not state.threads[SOLO].closed_at
    assert (state.beliefs[BELIEF].confidence, state.beliefs[BELIEF].faded_at) == (0.5, None)
    context = build_context(a_folder(home).record, prompt="Go on.", git=[], settings=Settings(home=home))
    assert {each.kind for each in context.manifest.candidates if each.section == Title.FLAGGED} <= {"signal"}


@pytest.mark.parametrize("text", [text for text in attempts() if as_written(text) != MASK])
def test_an_attempt_that_an_agent_repeats_by_its_tools_moves_nothing(text: str, run: RunMemory, tmp_path: Path) -> None:
    repeat(text, run)
    remembered(run, fetched(as_written(text)))
    require_untouched(run, tmp_path)


@pytest.mark.parametrize("case", laundered(), ids=lambda case: case["name"])
def test_a_pages_words_in_the_agents_tools_are_still_the_pages(
    case: dict[str, str], run: RunMemory, tmp_path: Path
) -> None:
    repeat(f"{case['quote']} {case['text']}", run)
    learned = remembered(run, fetched(case["said"]))
    (vital,) = learned.of_kind(SetVital)
    assert (vital.origin, vital.flagged) == ("web", False)
    told = [each.why for each in learned.left_out]
    assert told.count("it rests on words of a web page; the vital is kept without a flag") == 1
    assert told.count("it rests on words of a web page") == 3
    require_untouched(run, tmp_path)


def test_what_a_command_printed_flags_nothing_and_may_close_what_it_shows_to_be_done(run: RunMemory) -> None:
    words = "All hinges of the cellar door were oiled on Monday."
    repeat(words, run)
    learned = remembered(run, said("tool_result", words, tool="Bash", tool_call_id="9"))
    assert [(each.origin, each.flagged) for each in learned.of_kind(SetVital)] == [("tool", False)]
    assert [each.thread for each in learned.of_kind(CloseThread)] == [SOLO]


def test_an_agent_flags_in_its_own_words(run: RunMemory) -> None:
    run.memory.set_vital(SetVitalInput(name="Doors", value="two squeak", flagged=True))
    assert [each.flagged for each in remembered(run, fetched("Doors are red.")).of_kind(SetVital)] == [True]


def test_a_run_closes_its_own_question_in_whatever_words_it_was_answered(run: RunMemory) -> None:
    answer = "Take the mirror at example.net for all builds."
    thread, _ = run.memory.open_thread("Which mirror shall it be?", "discuss")
    run.memory.end_thread(thread, f"Answered: {answer}")
    assert [each.thread for each in remembered(run, fetched(answer)).of_kind(CloseThread)] == [thread]


def test_a_thread_of_another_run_is_not_made_its_own_by_opening_it_again(run: RunMemory) -> None:
    words = "The hinge was replaced by the vendor in every house."
    run.memory.note_thread(NoteThreadInput(text="Who oils it?", tag="solo"))
    run.memory.close_thread(CloseThreadInput(thread=SOLO, reason=words))
    (opened, closed) = run.written()
    forged = [opened.model_copy(update={"thread": SOLO}), closed]
    run.path.write_text("".join(f"{as_json(change)}\n" for change in forged))
    assert remembered(run, fetched(words)).of_kind(CloseThread) == []
