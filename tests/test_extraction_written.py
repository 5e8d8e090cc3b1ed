"""Where the words of what an agent wrote to its memory stand in its transcript."""

import pytest

from sessions.memory.changes import CHANGE, Change, WriteJournal
from tests.fakes.extractions import ENTRIES, NOON, a_run, an_answer, kept_of, observed, said

OWN = {"agent": "main", "run": "r1", "at": NOON}


def call(tool: str, **arguments: object) -> object:
    return said("tool_call", "", tool=f"mcp__memory__{tool}", tool_call_id=tool, arguments=arguments)


CALLS = [
    *ENTRIES,
    call("recall", query="2"),
    call("set_vital", name="doors", value="2", flagged=True, note="Oil\nthem."),
    call("set_vital", name="windows", value="2"),
    call("note_thread", text="Who painted\tthe door?", tag="solo"),
    call("write_journal", theme="Doors", noticed="All are green."),
]
JOURNAL = {"id": "r1", "agent": "main", "session": "doors", "at": NOON, "theme": "Doors", "noticed": "All are green."}


def written(op: str, **fields: object) -> Change:
    return CHANGE.validate_python({"id": "w", "op": op, **OWN, **fields})


@pytest.mark.parametrize(
    ("change", "entry"),
    [
        (written("set_vital", name="doors", value="2", note="Oil\nthem.", quote="2"), 6),
        (written("set_vital", name="windows", value="2", quote="2"), 7),
        (written("open_thread", thread="t", tag="solo", text="Who painted\tthe door?", quote="Who painted"), 8),
        (written("write_journal", entry=JOURNAL, quote="Doors"), 9),
        (written("close_thread", thread="t", reason="Answered: it is green.", quote="The door is green."), 4),
        (written("set_project", name="gate", status="planned", quote="planned", span="3"), None),
    ],
    ids=["vital", "vital of the same value", "thread", "journal", "said in another way", "said nowhere"],
)
def test_what_the_agent_wrote_leads_to_the_call_that_wrote_it(change: Change, entry: int | None) -> None:
    (kept,) = kept_of(None, CALLS, written=[change]).changes
    assert kept.span == ("" if entry is None else str(entry))


def test_the_journal_of_the_extraction_leads_to_the_agents_last_words() -> None:
    entries = [*ENTRIES, said("usage", ""), said("tool_result", "The end.", tool="Bash")]
    (entry,) = kept_of(an_answer(observed("It is green.")), entries).of_kind(WriteJournal)
    assert (entry.span, entry.quote) == ("4", "")
    assert a_run(entries).transcript[4].text == "The door is green."


def test_only_a_person_takes_out_what_was_set() -> None:
    learned = kept_of(None, CALLS, written=[written("set_vital", name="doors", value="faded", faded="I say so.")])
    assert (learned.changes, [each.why for each in learned.left_out]) == ([], ["only a person takes out what was set"])
