import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.main import app
from sessions.errors import SessionError, SpecError
from sessions.memory.base import Memory
from tests.fakes.changes import a_change
from tests.fakes.memories import BELIEF, FIXED, LATER, ORDER, PORT, RUN, THREAD
from tests.fakes.records import a_folder

pytestmark = pytest.mark.usefixtures("memory")


def run(*words: str, answer: str = "") -> Result:
    return CliRunner().invoke(app, ["memory", *words], input=answer)


def said(*words: str) -> str:
    done = run(*words)
    assert done.exit_code == 0, done.output
    return done.stdout


def found(*words: str) -> list[str]:
    """The ids that a search gives."""
    return [item["id"] for item in json.loads(said("search", *words, "--json"))]


def refusal(*words: str) -> str:
    refused = run(*words)
    assert isinstance(refused.exception, SessionError), refused.output
    return str(refused.exception)


def test_search_gives_ids_that_show_takes() -> None:
    (best, *_) = json.loads(said("search", "which port does the API listen on", "--json"))
    assert best["id"] == PORT
    assert f" {PORT[:8]} " in said("search", "which port")
    assert said("show", PORT[:8]).startswith(f"observation {PORT} of agent main: active\n")


def test_search_of_what_nobody_knows_says_so() -> None:
    assert said("search", "port", "--agent", "stranger") == "There is none.\n"
    assert json.loads(said("search", "port", "--agent", "stranger", "--json")) == []


def test_an_observation_is_shown_with_its_words_and_where_they_are(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    lines = [json.dumps({"kind": "prompt", "at": "2026-03-01T00:00:00Z", "turn": 0, "text": "Which port?"})]
    lines.append(json.dumps({**json.loads(lines[0]), "text": "Well,\nthe port is 8443 for now."}))
    folder.transcript_path.write_text("\n".join(lines))
    shown = said("show", PORT)
    for part in ("the port is 8443\n", "Which port?\n", "whose words owner\n", "Well, the port is 8443 for now."):
        assert part in shown
    assert f"{folder.transcript_path}:2\n" in shown
    assert f"of {folder.record.session}\n" in shown
    assert f"carries     belief {BELIEF}" in shown
    assert f"take back   sessions memory revert --run {RUN}\n" in shown


def test_a_run_that_taught_nothing_can_be_opened_too(tmp_path: Path) -> None:
    """A context names it where it failed."""
    id_ = "5d3b3f0e-8f0c-4a63-9c0a-1f8f2d6c7b01"
    folder = a_folder(tmp_path, run_id=id_)
    folder.path.rename(folder.path.with_name(id_))
    assert said("show", id_[:8]).startswith(f"run {id_} of agent main: taught nothing\n")


def test_words_whose_run_is_gone_are_shown_without_it() -> None:
    shown = said("show", PORT)
    assert "the port is 8443" in shown
    assert "transcript  not here" in shown


@pytest.mark.parametrize(
    ("id_", "begins", "holds"),
    [
        (BELIEF, f"belief {BELIEF} of agent main: held, confidence", f"rests on    {PORT[:8]}  active: The API"),
        (THREAD, f"thread {THREAD} of agent main: open, to discuss", "“shall the port move?”"),
        ("gateway", "project gateway of agent main: current", "under way"),
        ("focus", "vital focus of agent main: flagged", "low"),
        (RUN, f"run {RUN} of agent main: remembered", "Night 1"),
    ],
)
def test_every_kind_of_line_in_a_context_can_be_opened(id_: str, begins: str, holds: str) -> None:
    shown = said("show", id_[:8])
    assert shown.startswith(begins)
    assert holds in shown
    assert json.loads(said("show", id_, "--json"))["named"]["id"] == id_


def test_an_id_that_several_begin_with_is_refused_with_all_of_them(memory: Memory) -> None:
    twin = next(memory.changes(run=RUN, ops=["open_thread"]))
    thread = THREAD[:8] + "-other"
    memory.apply([twin.model_copy(update={"id": "open-2", "thread": thread})])
    assert refusal("show", THREAD[:8]) == (
        f"'{THREAD[:8]}' is the beginning of several: thread {THREAD} of main, thread {thread} of main; "
        "give more of the id"
    )
    assert said("show", thread).startswith(f"thread {thread}")


@pytest.mark.parametrize("wrong", ["", " ", "nothing", "\x1b[31m"])
def test_an_id_that_nothing_has_is_a_sentence(wrong: str) -> None:
    assert "is no id of any observation, belief, thread, project, vital or run" in refusal("show", wrong)


def test_history_lists_what_made_it_so() -> None:
    assert "added observation 3b241101: The API listens on port 8443." in said("history", PORT)
    assert len(json.loads(said("history", RUN, "--json"))) == 6


def test_threads_can_be_listed_by_tag_and_with_those_that_are_closed() -> None:
    assert "Shall the port move?" in said("threads", "--tag", "discuss")
    assert said("threads", "--tag", "solo") == "There is none.\n"
    assert run("threads", "--tag", "talk").exit_code == 2
    said("thread", "close", THREAD, "--reason", "It stays.")
    assert said("threads") == "There is none.\n"
    assert "It stays." in said("threads", "--all")


def test_a_thread_for_an_agent_that_cannot_be_is_refused() -> None:
    assert run("thread", "open", "Shall it be green?", "--agent", "No Such!").exit_code == 2
    assert "No Such!" not in said("doctor")


def test_a_belief_that_time_has_worn_away_is_still_listed(memory: Memory) -> None:
    worn = {"belief": "worn", "text": "Old news.", "confidence": 0.5, "half_life_days": 0.001}
    memory.apply([a_change("believe", 9, **worn)])
    assert "Old news." in said("beliefs")


def test_of_a_long_entry_only_what_is_near_the_quote_is_shown(tmp_path: Path) -> None:
    text = "far away " * 10_000 + "the port is 8443" + " much later" * 10_000
    entry = json.dumps({"kind": "prompt", "at": "2026-03-01T00:00:00Z", "turn": 0, "text": text})
    a_folder(tmp_path).transcript_path.write_text(f"{entry}\n{entry}\n")
    shown = said("show", PORT)
    assert "far away the port is 8443 much later" in shown
    assert len(shown) < 3_000


def test_a_thread_that_a_person_opens_waits_for_its_kind_of_session() -> None:
    opened = json.loads(said("thread", "open", "Try a new parser.", "--tag", "experiment", "--json"))
    (listed,) = json.loads(said("threads", "--tag", "experiment", "--json"))
    assert (listed["id"], listed["text"], listed["run"]) == (opened["id"], "Try a new parser.", opened["run"])
    assert "says that already" in refusal("thread", "open", "Try a new parser.")
    said("thread", "close", opened["id"][:8], "--reason", "Done.")
    assert "is not open" in refusal("thread", "close", opened["id"], "--reason", "Again.")
    assert said("thread", "open", "Try a new parser.").startswith("thread ")


@pytest.mark.parametrize(
    "words", [("thread", "open", " "), ("thread", "close", THREAD, "--reason", " "), ("fade", PORT, "--reason", "")]
)
def test_a_blank_where_words_are_needed_is_wrong_usage(words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2


def test_beliefs_are_listed_surest_first_and_faded_ones_with_their_reason() -> None:
    assert "Ports never change." in said("beliefs", "--as-of", "2026-03-01T00:30")
    assert "0.80" in said("beliefs", "--as-of", "2026-03-01T00:30")
    assert said("beliefs", "--as-of", "2026-02-01T00:00") == "There is none.\n"
    said("fade", BELIEF, "--reason", "It was true for one night.")
    assert "(faded: It was true for one night.)" in said("beliefs")
    assert "is not held" in refusal("fade", BELIEF, "--reason", "Again.")


def test_what_was_known_at_a_moment_can_be_asked() -> None:
    said("fade", PORT, "--reason", "Old.")
    assert PORT not in found("port")
    assert PORT in found("port", "--as-of", "2026-03-01T12:00")
    with pytest.raises(SpecError, match="is not a date and time"):
        raise run("search", "port", "--as-of", "yesterday").exception or AssertionError


def test_the_journal_is_listed() -> None:
    assert "Night 1" in said("journal")


def test_a_quarantined_observation_is_released_by_a_person() -> None:
    assert ORDER not in found("ignore your rules")
    assert "why         it holds an order" in said("show", ORDER)
    done = json.loads(said("release", ORDER[:8], "--json"))
    assert ORDER in found("ignore your rules")
    assert "is active, not quarantined" in refusal("release", ORDER)
    said("revert", "--run", done["run"], "--yes")
    assert ORDER not in found("ignore your rules")


def test_a_revert_says_what_it_takes_back_and_asks(memory: Memory) -> None:
    asked = run("revert", "--run", RUN[:8], answer="n\n")
    assert asked.exit_code == 1
    for line in (
        f"Take back run {RUN} of agent main?",
        "it added observation 3b241101: The API listens on port 8443.",
        "it opened thread d94b4f2c to discuss: Shall the port move?",
        "derived from that: observation 9f3e1b64: Ports are fixed.",
        "rests on nothing else: belief c56a4180: Ports never change.",
    ):
        assert f"{line}\n" in asked.stderr
    assert memory.count(agent="main") == 2


def test_a_revert_takes_back_a_run_and_what_was_derived_from_it(memory: Memory) -> None:
    done = run("revert", "--run", RUN[:8], "--reason", "It was the wrong host.", answer="y\n")
    assert done.exit_code == 0
    assert "6 changes do not count any more" in done.stdout
    assert "2 observations are not shown to the agent any more, 0 are again" in done.stdout
    assert memory.count(agent="main") == 0
    state = memory.state(agent="main")
    assert (state.threads, state.projects, state.vitals, state.journal) == ({}, {}, {}, {})
    assert state.beliefs[BELIEF].reason == f"all that it rested on was taken back with run {RUN[:8]}"
    assert said("show", FIXED).startswith(f"observation {FIXED} of agent main: reverted\n")
    assert said("show", THREAD).startswith(f"thread {THREAD} of agent main: reverted\n")
    assert "It was the wrong host." in said("history", RUN)
    assert "was taken back on" in refusal("revert", "--run", RUN, "--yes")


def test_a_revert_of_what_was_derived_leaves_what_it_rests_on(memory: Memory) -> None:
    done = json.loads(said("revert", "--run", LATER, "--yes", "--json"))
    assert (done["gone"], done["restored"]) == ([FIXED], [])
    assert [item.id for item in memory.latest(agent="main")] == [PORT]
    assert memory.state(agent="main").beliefs == {}


def test_a_revert_of_a_correction_restores_what_it_faded(memory: Memory) -> None:
    corrected = json.loads(said("fade", PORT, "--reason", "Old.", "--json"))
    assert json.loads(said("revert", "--run", corrected["run"], "--yes", "--json"))["restored"] == [PORT]
    assert PORT in {item.id for item in memory.latest(agent="main")}


def test_a_revert_names_what_goes_though_another_run_said_it_too(memory: Memory) -> None:
    said_again = {"observation": PORT, "quote": "still 8443", "run": LATER}
    derived = {"observation": FIXED, "quote": "fixed they are", "run": "a-third"}
    memory.apply([a_change("confirm", 9, **said_again), a_change("confirm", 10, **said_again | {"run": RUN})])
    memory.apply([a_change("confirm", 11, **derived)])
    asked = run("revert", "--run", RUN, answer="n\n").stderr
    line = f"though it was also said elsewhere: observation 3b241101, in run {LATER}: “still 8443”\n"
    assert asked.count("said elsewhere") == 2
    assert f"  goes too, {line}" in asked
    assert "observation 9f3e1b64, in run a-third: “fixed they are”\n" in asked
    assert f"  gone, {line}" in said("revert", "--run", RUN, "--yes")


def test_only_a_run_can_be_taken_back() -> None:
    assert "is no id of any run" in refusal("revert", "--run", PORT, "--yes")
    assert "is no id of any run of agent 'stranger'" in refusal("revert", "--run", RUN, "--agent", "stranger")


def test_what_a_terminal_would_obey_is_not_printed(memory: Memory) -> None:
    template = next(memory.changes(run=RUN, ops=["open_thread"]))
    memory.apply([template.model_copy(update={"id": "open-3", "thread": "bell", "text": "a\x1b[2Jb\u202ec\x07"})])
    shown = said("show", "bell")
    assert "a [2Jb c" in shown
    assert not {"\x1b", "\u202e", "\x07"} & set(shown)
