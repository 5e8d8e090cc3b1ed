from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.context import CHARACTERS_PER_TOKEN, RULES, KnownSoFar, look_up, render_context
from sessions.memory import open_memory
from sessions.spec import SessionSpec
from tests.fakes.observations import an_entry, an_observation

SLOT = datetime(2026, 11, 20, 2, tzinfo=UTC)


def rendered(known: KnownSoFar | None = None, most_tokens: int = 6000, **fields: object) -> str:
    spec = SessionSpec.model_validate({"prompt": "Look.", "timeout_seconds": 60} | fields)
    return render_context(
        known or KnownSoFar(), spec=spec, session="doors", slot_at=SLOT, git_state=[], most_tokens=most_tokens
    )


def known(count: int) -> KnownSoFar:
    items = [an_observation(number, f"Door {number} is " + "green " * 20) for number in range(count)]
    return KnownSoFar(relevant=items, journal=[an_entry(2), an_entry(1)], total=count + 3)


def test_a_first_run_is_told_who_it_is_when_it_was_due_and_that_it_knows_nothing() -> None:
    text = rendered(agent="owl")
    assert text.startswith("# Session state: doors\n\nYou are agent `owl`. This run was due at 2026-11-20 02:00 UTC.")
    assert "This is your first run that is remembered." in text
    assert RULES in text
    assert text.endswith("## What you know\n\nNothing yet.\n")


def test_the_limits_that_will_bite_are_told() -> None:
    assert "60 s in all, 7 turns, 0.5 USD." in rendered(max_turns=7, max_cost_usd=0.5)
    assert "none. When" in rendered(timeout_seconds=0)


def test_an_observation_comes_with_its_date_kind_source_and_words() -> None:
    item = an_observation(1, "The door\nis green.", quote="It is\n green.")
    text = rendered(KnownSoFar(relevant=[item], total=1))
    assert "- The door is green. (2026-03-01, fact, from tool in run run-1)\n  > It is green." in text
    assert "more are in memory" not in text


def test_the_journal_comes_newest_first_as_it_was_given() -> None:
    text = rendered(known(0))
    assert text.index("Night 2") < text.index("Night 1")


def test_what_does_not_fit_is_left_out_from_the_end_and_counted() -> None:
    whole, cut = rendered(known(50)), rendered(known(50), most_tokens=1000)
    shown = cut.count("\n- Door")
    assert 0 < shown < 50
    assert [f"Door {number} " in cut for number in range(50)] == [True] * shown + [False] * (50 - shown)
    assert f"{53 - shown} more are in memory." in cut
    assert whole.startswith(cut[: cut.index("## What you know")])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=400).filter(str.strip), max_size=40), st.integers(700, 3000))
def test_the_observations_stay_within_the_budget_and_the_same_is_said_each_time(texts: list[str], tokens: int) -> None:
    items = [an_observation(number, text, quote=text[:50]) for number, text in enumerate(texts)]
    everything = KnownSoFar(relevant=items, total=len(items))
    text = rendered(everything, most_tokens=tokens)
    footer = len("\n## What you know, most relevant first\n\n999 more are in memory.\n") + 10
    assert len(text) <= max(tokens * CHARACTERS_PER_TOKEN, len(rendered())) + footer
    assert text == rendered(everything, most_tokens=tokens)


def test_what_speaks_to_the_prompt_comes_first_and_the_latest_after_it_without_repetition(tmp_path: Path) -> None:
    with open_memory(f"sqlite:///{tmp_path / 'memory.sqlite3'}") as memory:
        door = an_observation(1, "The door of the cellar squeaks.")
        memory.remember([door, *(an_observation(number, f"Lamp {number} is on.") for number in range(2, 6))])
        found = look_up(memory, agent="main", prompt="cellar door")
    assert found.relevant[0].id == door.id
    assert len({item.id for item in found.relevant}) == len(found.relevant) == found.total == 5
    assert found.journal == []
