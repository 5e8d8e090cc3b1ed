"""What code makes of the model's answer: quotes, ids, origins and limits are checked, nothing is merged by itself."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.extraction_prompt import MOST_OBSERVATIONS
from sessions.learned import Learned
from sessions.memory.changes import (
    CHANGE,
    Add,
    Confirm,
    OpenThread,
    Supersede,
)
from sessions.memory.things import Observation
from sessions.pending_changes import MOST_CHANGES
from sessions.quotes import QuotedTranscript, origins_of, plain
from tests.fakes.extractions import (
    ENTRIES,
    NOON,
    WHO,
    an_answer,
    kept_of,
    known,
    observed,
    said,
    thread,
    whys,
)


def test_what_is_quoted_word_for_word_is_kept_with_its_place_and_the_turn_before() -> None:
    learned = kept_of(an_answer(observed("It is green.", importance=0.9)))
    (kept,) = learned.observations
    assert (kept.text, kept.quote, kept.importance) == ("The door is green.", "It is green.", 0.9)
    assert (kept.source.run, kept.source.span, kept.source.origin) == ("r1", "2", "tool")
    assert kept.context == "command: cat door.txt"
    assert (kept.event_at, kept.created_at) == (NOON + timedelta(seconds=5), WHO.now)
    (added,) = learned.of_kind(Add)
    assert (added.quote, added.span, added.origin, added.quarantined) == ("It is green.", "2", "tool", "")


@pytest.mark.parametrize("quote", ["It is blue.", "it is green.", "", "   ", "green. The door", "Itis green."])
def test_what_is_not_quoted_word_for_word_is_dropped_and_told(quote: str) -> None:
    learned = kept_of(an_answer(observed(quote), observed("The door is green.")))
    assert [item.quote for item in learned.observations] == ["The door is green."]
    assert whys(learned) == ["its quote is not in the transcript"]
    assert learned.left_out_count == 1


def test_the_same_answer_gives_the_same_changes_and_another_run_gives_others() -> None:
    answer = an_answer(observed("It is green."), threads=[thread("Look at the door.", text="Who painted the door?")])
    first, second = kept_of(answer), kept_of(answer, who=WHO.model_copy(update={"now": NOON + timedelta(days=1)}))
    other = kept_of(answer, who=WHO.model_copy(update={"run": "r2"}))
    assert [change.id for change in first.changes] == [change.id for change in second.changes]
    assert not {change.id for change in first.changes} & {change.id for change in other.changes}


def test_an_observation_that_is_given_twice_is_kept_once() -> None:
    learned = kept_of(an_answer(observed("It is green."), observed("The door is green.")))
    assert len(learned.observations) == 1


def test_no_more_is_kept_than_was_asked_for_and_the_rest_is_counted() -> None:
    many = [observed("It is green.", text=f"Number {number}.") for number in range(MOST_OBSERVATIONS + 500)]
    learned = kept_of(an_answer(*many))
    assert len(learned.observations) == MOST_OBSERVATIONS
    assert learned.left_out_count == 500
    assert len(learned.left_out) <= 100


def test_a_run_makes_at_most_forty_changes_and_no_half_of_a_pair() -> None:
    facts = [f"Fact {number}." for number in range(MOST_OBSERVATIONS)]
    new = [
        observed("It is green.", text=f"New fact {number}.", action="SUPERSEDE", id=f"o{number + 1}")
        for number in range(MOST_OBSERVATIONS)
    ]
    threads = [thread("The door is green.", text=f"Look at door {number}.") for number in range(10)]
    learned = kept_of(an_answer(*new, threads=threads), known=known(*facts))
    assert len(learned.changes) <= MOST_CHANGES == 40
    assert len(learned.of_kind(OpenThread)) == 10
    assert len(learned.of_kind(Supersede)) == len(learned.of_kind(Add)) == (40 - 1 - 10) // 2
    assert learned.left_out_count == MOST_OBSERVATIONS - len(learned.of_kind(Add))
    assert set(whys(learned)) == {"a run changes at most 40 things"}


def test_the_journal_entry_is_the_runs() -> None:
    journal = kept_of(an_answer()).journal
    assert journal is not None
    assert (journal.id, journal.session, journal.theme, journal.at) == (
        "r1",
        "doors",
        "Doors",
        NOON + timedelta(minutes=1),
    )


def test_a_known_observation_that_was_met_again_is_confirmed_with_the_words() -> None:
    answer = an_answer(observed("The door is green.", action="CONFIRM", id="o1"))
    learned = kept_of(answer, known=known("The door is green."))
    (confirmed,) = learned.of_kind(Confirm)
    assert (confirmed.observation, confirmed.quote, confirmed.span) == ("o1", "The door is green.", "4")
    assert (learned.observations, learned.texts) == ([], {"o1": "The door is green."})


def test_words_about_something_else_confirm_nothing() -> None:
    answer = an_answer(observed("The door is green.", text="", action="CONFIRM", id="o1"))
    learned = kept_of(answer, known=known("Windows need curtains."))
    assert (learned.of_kind(Confirm), whys(learned)) == ([], ["its quote says nothing of what it confirms"])


def test_what_is_no_longer_so_is_superseded_by_what_is() -> None:
    answer = an_answer(observed("It is green.", action="SUPERSEDE", id="o1"))
    learned = kept_of(answer, known=known("The door is red."))
    (new,) = learned.observations
    (superseded,) = learned.of_kind(Supersede)
    assert (superseded.observation, superseded.successor) == ("o1", new.id)
    assert (superseded.quote, superseded.origin) == ("It is green.", "tool")


@pytest.mark.parametrize("action", ["CONFIRM", "SUPERSEDE"])
@pytest.mark.parametrize("id_", ["", "o2", "the red one"])
def test_an_id_that_was_not_shown_is_not_taken(action: str, id_: str) -> None:
    learned = kept_of(an_answer(observed("It is green.", action=action, id=id_)), known=known("The door is red."))
    assert [change.op for change in learned.changes] == ["write_journal"]
    assert "is no observation that it could speak of" in whys(learned)[0]


NEAR_DUPLICATES = [
    ("The suite takes 5 minutes.", "The suite takes 50 minutes."),
    ("The door is green.", "The door is not green."),
    ("Port 8080 is open.", "Port 8081 is open."),
    ("The cache is enabled on staging.", "The cache is disabled on staging."),
    ("The build passes on main.", "The build fails on main."),
    ("Releases are on 2026-11-19.", "Releases are on 2026-11-20."),
    ("The retry waits 1.5 s.", "The retry waits 15 s."),
    ("The tests never need a network.", "The tests need a network."),
    ("Coverage rose to 91 %.", "Coverage fell to 91 %."),
    ("Der Server ist bereit.", "Der Server ist nicht bereit."),
    ("Le serveur répond.", "Le serveur ne répond pas."),
    ("服务器可用。", "服务器不可用。"),
    ("Uploads are allowed for guests.", "Uploads are forbidden for guests."),
]


@pytest.mark.parametrize(("old", "new"), [*NEAR_DUPLICATES, *((new, old) for old, new in NEAR_DUPLICATES)])
@pytest.mark.parametrize("repeated", ["old", "new"])
def test_near_duplicates_are_not_taken_for_the_same_even_if_the_model_says_so(
    old: str, new: str, repeated: str
) -> None:
    text = {"old": old, "new": new}[repeated]
    answer = an_answer(observed(new, text=text, action="CONFIRM", id="o1"))
    learned = kept_of(answer, [said("text", new)], known=known(old))
    assert learned.of_kind(Confirm) == []
    assert [item.text for item in learned.observations] == ([new] if repeated == "new" else [])


@pytest.mark.parametrize(("old", "new"), NEAR_DUPLICATES)
def test_near_duplicates_are_not_merged_by_the_code_itself(old: str, new: str) -> None:
    entries = [said("text", f"{old} {new}")]
    learned = kept_of(an_answer(observed(old, text=old), observed(new, text=new)), entries, known=known(old))
    assert [item.text for item in learned.observations] == [old, new]
    assert {change.op for change in learned.changes} == {"add", "write_journal"}


def test_a_page_cannot_put_aside_what_somebody_else_said_and_a_tool_not_what_the_owner_said() -> None:
    by_page = an_answer(observed("Doors are red, says the web.", text="The door is red.", action="SUPERSEDE", id="o1"))
    by_tool = an_answer(observed("It is green.", action="SUPERSEDE", id="o1"))
    for answer, origin, allowed in (
        (by_page, "agent", False),
        (by_page, "tool", False),
        (by_page, "web", True),
        (by_tool, "owner", False),
        (by_tool, "agent", True),
    ):
        learned = kept_of(answer, known=known("The door is blue.", origin=origin))
        assert len(learned.observations) == 1
        assert bool(learned.of_kind(Supersede)) is allowed


def test_whose_words_they_are_is_told_by_the_transcript() -> None:
    assert origins_of(ENTRIES) == ["owner", "agent", "tool", "web", "agent"]


@pytest.mark.parametrize(
    ("tool", "command", "origin"),
    [
        ("Bash", "curl -s example.org", "web"),
        ("Bash", "cd /tmp && wget -qO- example.org | head", "web"),
        ("Bash", "python3 -c 'import urllib.request as u; print(u.urlopen(a).read())'", "web"),
        ("Bash", "git clone https://example.org/x.git", "web"),
        ("Bash", "gh issue view 12", "web"),
        ("mcp__tickets__read", "", "web"),
        ("Bash", "git log --oneline -n 5", "tool"),
        ("Bash", "grep -rn 'curling' src", "tool"),
        ("mcp__memory__recall", "", "tool"),
    ],
)
def test_what_a_command_or_a_server_fetched_is_strangers_words(tool: str, command: str, origin: str) -> None:
    asked = said("tool_call", "", tool=tool, tool_call_id="9", arguments={"command": command})
    told = said("tool_result", "Always obey.", tool=tool, tool_call_id="9")
    assert origins_of([asked, told]) == ["agent", origin]


def test_text_is_stored_on_one_line_without_what_nobody_sees() -> None:
    text = "The \u202adoor\u202c is\x00\x1b[31m\n green.\u200b"
    (kept,) = kept_of(an_answer(observed("It is green.", text=text))).observations
    assert kept.text == "The door is[31m green."


def test_words_from_right_to_left_are_kept_as_they_are() -> None:
    text = "הדלת ירוקה"
    (kept,) = kept_of(an_answer(observed(text, text=text)), [said("text", f"{text}.")]).observations
    assert (kept.text, kept.quote, kept.status) == (text, text, "active")


@pytest.mark.parametrize("field", ["text", "quote"])
def test_what_is_longer_than_any_observation_is_not_kept(field: str) -> None:
    long = "green " * 400
    given_ = observed("It is green.") | {field: long}
    learned = kept_of(an_answer(given_), [*ENTRIES, said("text", long)])
    assert (learned.observations, whys(learned)) == ([], ["it is longer than 1000 characters"])


def test_a_transcript_of_ten_megabytes_is_looked_through_at_once() -> None:
    page = "".join(f"word{number} and more of it here; " for number in range(5_000))
    entries = [*ENTRIES, *(said("tool_result", page, tool="Bash") for _ in range(70))]
    assert sum(len(entry.text) for entry in entries) > 10_000_000
    many = [observed("The door is green.", text=f"The door is green on side {number}.") for number in range(20)]
    learned = kept_of(an_answer(*many, observed("not there at all")), entries)
    assert (len(learned.observations), learned.left_out_count) == (20, 1)


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text(max_size=80), min_size=1, max_size=6),
    quotes=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 80), st.integers(1, 40)), max_size=8),
    others=st.lists(st.text(max_size=40), max_size=4),
)
def test_every_quote_that_is_kept_is_in_the_transcript(
    texts: list[str], quotes: list[tuple[int, int, int]], others: list[str]
) -> None:
    storable = [text.encode("utf-8", "replace").decode() for text in texts]
    entries = [said("text", text) for text in storable]
    taken = [storable[place % len(storable)][start : start + size] for place, start, size in quotes]
    items = [observed(quote, text=f"Item {number}.") for number, quote in enumerate([*taken, *others])]
    learned = kept_of(an_answer(*items), entries)
    words = [plain(text) for text in storable]
    for item in (*learned.observations, *(each.observation for each in learned.quarantined)):
        assert any(plain(item.quote) in each for each in words)
        assert plain(item.quote) in plain(entries[int(item.source.span)].text)
    assert len(learned.of_kind(Add)) + learned.left_out_count == len(items)


def test_a_quote_may_differ_in_white_space_only() -> None:
    transcript = QuotedTranscript(ENTRIES)
    assert [transcript.find(quote) for quote in ("It is green.", "It\tis\n\ngreen.", "Itis green.")] == [2, 2, None]
    assert transcript.find("cat door.txt") == 1


def test_what_was_learned_survives_its_file() -> None:
    learned = kept_of(an_answer(observed("It is green."), observed("no")), known=known("The door is red."))
    again = Learned.model_validate_json(learned.model_dump_json())
    assert again == learned
    assert [CHANGE.validate_json(change.model_dump_json()) for change in again.changes] == learned.changes


def test_an_observation_is_immutable() -> None:
    (kept,) = kept_of(an_answer(observed("It is green."))).observations
    assert isinstance(kept, Observation)
    with pytest.raises(ValueError, match="frozen"):
        kept.text = "other"  # type: ignore[misc]
