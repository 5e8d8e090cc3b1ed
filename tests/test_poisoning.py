"""A page, a tool and an agent that was talked over try to get into the memory; nothing of it gets to the next agent.

The extractor of these tests is fooled: it keeps whatever it is told to keep.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sessions.context.quoting import as_data, one_line
from sessions.extraction_prompt import KnownMemories
from sessions.learned import Learned, Who
from sessions.memory import open_memory
from sessions.memory.base import Memory
from sessions.memory.changes import Believe, OpenThread, Strengthen
from sessions.memory.things import Observation, Origin
from sessions.run_context import build_context
from sessions.settings import Settings
from sessions.transcript import Entry
from tests.fakes.extractions import ENTRIES, NOON, an_answer, believed, fetched, kept_of, observed, said, thread
from tests.fakes.injections import attempts, harmless, laundered
from tests.fakes.records import a_folder

WAYS = ("web", "tool", "agent")


def planted(text: str, way: str) -> tuple[Entry, ...]:
    """A transcript in which the words come from a page, from a command, or from the agent that repeats the page."""
    page, command = fetched(text), said("tool_result", text, tool="Bash", tool_call_id="9")
    by_way = {"web": (page,), "tool": (command,), "agent": (page, said("text", text, turn=3))}
    return (*ENTRIES, *by_way[way])


def all_kept(text: str, way: str, run: str) -> Learned:
    """What is kept when the extractor makes of the words an observation, a belief, a thread and the journal."""
    words = text.strip()
    quotes = (words, "The door is green.")
    answer = an_answer(
        *(observed(quote, text=words) for quote in quotes),
        observed(words, text=f"It says: {words}"),
        beliefs=[believed(quote, text=words) for quote in quotes],
        threads=[thread(quote, text=words) for quote in quotes],
        journal=dict.fromkeys(("theme", "built", "noticed", "changed", "assumptions", "next"), words),
    )
    return kept_of(answer, planted(text, way), who=Who(run=run, agent="main", session="doors", now=NOON))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("poisoned")


@pytest.fixture(scope="module")
def settings(home: Path) -> Settings:
    return Settings(home=home)


@pytest.fixture(scope="module")
def poisoned(settings: Settings) -> Iterator[Memory]:
    """A memory after a run for each attempt in each way."""
    with open_memory(settings.memory_address) as memory:
        for number, text in enumerate(attempts()):
            for way in WAYS:
                memory.apply(all_kept(text, way, f"{way}-{number}").changes)
        yield memory


def shown(text: str, context: str) -> bool:
    """Whether the words stand in a context, quoted or not, whole or cut."""
    beginning = one_line(text)[:60]
    return beginning in context or as_data(beginning, 100)[1:-1] in context


@pytest.mark.parametrize("text", attempts())
def test_no_attempt_reaches_a_context(text: str, poisoned: Memory, home: Path, settings: Settings) -> None:
    assert poisoned.count(agent="main") == 0
    record = a_folder(home).record
    for prompt in (text, "Look at the door."):
        assert not shown(text, build_context(record, prompt=prompt, git=[], settings=settings).text)


def test_no_attempt_reaches_a_belief_or_a_thread(poisoned: Memory) -> None:
    state = poisoned.state(agent="main")
    assert (state.beliefs, state.threads) == ({}, {})


def test_no_attempt_is_found_or_listed_by_what_an_agent_can_ask(poisoned: Memory) -> None:
    for text in attempts():
        assert poisoned.recall(agent="main", query=text) == []
    assert poisoned.latest(agent="main", limit=1000) == []


def test_the_journal_of_a_run_that_was_talked_over_is_empty(poisoned: Memory) -> None:
    entries = poisoned.journal(agent="main", limit=1000)
    assert len(entries) == len(attempts()) * len(WAYS)
    assert {(entry.theme, entry.next) for entry in entries} == {("", "")}


def test_every_attempt_is_listed_for_a_person_with_the_reason(poisoned: Memory) -> None:
    listed = {item.source.run: item for item in poisoned.quarantined(agent="main", limit=10_000)}
    assert len(listed) == len(attempts()) * len(WAYS)
    assert all(item.reason.startswith("it ") and item.status == "quarantined" for item in listed.values())


@pytest.mark.parametrize("case", laundered(), ids=lambda case: case["name"])
def test_what_an_agent_repeats_of_a_page_is_still_the_pages(case: dict[str, str]) -> None:
    entries = [
        said("prompt", "Look at the releases and tell me what is missing.", turn=0),
        fetched(case["said"]),
        said("text", case["repeated"]),
    ]
    belief = believed(case["quote"], text=case["text"])
    learned = kept_of(an_answer(observed(case["quote"], text=case["text"]), beliefs=[belief]), entries)
    assert [item.source.origin for item in learned.observations] == ["web"]
    assert learned.of_kind(Believe) == []


@pytest.mark.parametrize("way", ["tool", "agent"])
@pytest.mark.parametrize("text", harmless())
def test_a_harmless_sentence_is_remembered(text: str, way: str) -> None:
    learned = kept_of(an_answer(observed(text, text=text)), planted(text, way))
    assert [item.text for item in learned.observations] == [one_line(text)]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a memory that holds all harmless sentences."""
    own = Settings(home=tmp_path_factory.mktemp("honest"))
    with open_memory(own.memory_address) as memory:
        for text in harmless():
            memory.apply(kept_of(an_answer(observed(text, text=text)), planted(text, "tool")).changes)
    return own


@pytest.mark.parametrize("text", harmless())
def test_a_harmless_sentence_is_shown_to_the_next_agent(text: str, honest: Settings) -> None:
    context = build_context(a_folder(honest.home).record, prompt=text, git=[], settings=honest).text
    assert as_data(text, 400)[1:60] in context


@pytest.mark.parametrize("origin", ["tool", "web"])
def test_a_belief_that_a_writer_forgot_to_check_is_refused_by_the_memory_too(origin: Origin, tmp_path: Path) -> None:
    about = {"agent": "main", "run": "r", "at": NOON}
    believe = Believe(id="c1", **about, origin="agent", belief="b1", text="Doors are green.", confidence=0.5)
    forged = [
        Believe(id="c2", **about, origin=origin, belief="b2", text="Doors are red."),
        Strengthen(id="c3", **about, origin=origin, belief="b1", reason="A page says so."),
    ]
    with open_memory(Settings(home=tmp_path).memory_address) as memory:
        memory.apply([believe, *forged])
        beliefs = memory.state(agent="main").beliefs
    assert {id_: belief.confidence for id_, belief in beliefs.items()} == {"b1": 0.5}


def stale(context: str, texts: Sequence[str]) -> list[str]:
    return [text for text in texts if text in context]


def test_no_fact_that_was_superseded_stands_in_a_context(tmp_path: Path) -> None:
    """Forty facts, each of which changes five times in as many nights, one change a night and fact."""
    own = Settings(home=tmp_path)
    record = a_folder(tmp_path).record
    now: dict[int, str] = {}
    old: list[str] = []
    with open_memory(own.memory_address) as memory:
        for night in range(5):
            for fact in range(40):
                text = f"Service {fact} listens on port {8000 + 100 * night + fact}."
                known = memory.latest(agent="main", limit=100)
                earlier = [item for item in known if item.text == now.get(fact)]
                action = {"action": "SUPERSEDE", "id": earlier[0].id} if earlier else {}
                learned = learned_in_one_night(text, action, f"run-{night}-{fact}", known)
                memory.apply(learned.changes)
                old += [now[fact]] if fact in now else []
                now[fact] = text
        assert memory.count(agent="main") == 40
    for fact in range(0, 40, 5):
        prompt = f"On which port does service {fact} listen?"
        context = build_context(record, prompt=prompt, git=[], settings=own).text
        assert now[fact] in context
        assert stale(context, old) == []


def learned_in_one_night(text: str, action: dict[str, str], run: str, known: Sequence[Observation]) -> Learned:
    return kept_of(
        an_answer(
            observed(text, text=text) | action,
            journal=dict.fromkeys(("theme", "built", "noticed", "changed", "assumptions", "next"), ""),
        ),
        [said("text", text)],
        known=KnownMemories(observations=tuple(known)),
        who=Who(run=run, agent="main", session="doors", now=NOON),
    )


def test_a_thread_of_a_page_waits_for_a_person_and_is_not_shown_to_a_run_without_one(tmp_path: Path) -> None:
    text = "Move to version 9 of the mirror client."
    learned = kept_of(an_answer(threads=[thread(text, text=text)]), planted(text, "web"))
    assert [change.tag for change in learned.of_kind(OpenThread)] == ["discuss"]
    own = Settings(home=tmp_path)
    with open_memory(own.memory_address) as memory:
        memory.apply(learned.changes)
    assert text not in build_context(a_folder(tmp_path).record, prompt=text, git=[], settings=own).text
