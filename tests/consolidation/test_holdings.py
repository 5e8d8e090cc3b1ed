from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sessions.consolidation.holdings import (
    MOST_BELIEFS,
    MOST_NEW,
    MOST_THREADS,
    gather,
    read_back,
    unchanged_since,
    write_listing,
)
from sessions.memory import open_memory
from sessions.memory.base import Memory
from sessions.memory.changes import Fade, Strengthen
from tests.fakes.materials import SLOT, an_occasion, belief, faded, said, thread, vital
from tests.fakes.observations import MIDNIGHT, an_observation

NOON = MIDNIGHT + timedelta(hours=12)
CONSOLIDATED = vital("consolidation", "nothing changed", at=NOON)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with open_memory(f"sqlite:///{tmp_path / 'memory.sqlite3'}") as opened:
        yield opened


def test_what_was_learned_since_is_looked_at_with_what_is_near_to_it(memory: Memory) -> None:
    old = [an_observation(number, f"The {thing} is old.") for number, thing in enumerate(("door", "lamp", "roof"))]
    memory.remember(old)
    memory.apply([CONSOLIDATED])
    memory.remember([an_observation(9, "The door squeaks.", created_at=NOON + timedelta(hours=1))])
    found = gather(memory, agent="main", now=SLOT)
    assert found.fresh == {"o9"}
    assert {"o9", "o0"} <= {item.id for item in found.observations}
    assert found.total == 4


def test_what_waits_for_a_person_is_left_to_that_person(memory: Memory) -> None:
    memory.apply([thread(1, "solo"), thread(2, "discuss"), belief(1, at=SLOT), belief(2), faded(2, "wrong")])
    found = gather(memory, agent="main", now=SLOT)
    assert [each.id for each in found.threads] == ["thread-1"]
    assert ([each.id for each in found.beliefs], [each.id for each in found.faded]) == (["belief-1"], ["belief-2"])


def test_a_first_consolidation_looks_at_the_newest(memory: Memory) -> None:
    memory.remember([an_observation(number) for number in range(MOST_NEW + 20)])
    found = gather(memory, agent="main", now=SLOT)
    assert len(found.fresh) == MOST_NEW
    assert "o0" not in found.fresh


def test_the_listing_shows_each_with_its_id_as_data_and_the_manifest_all_that_is_shown(memory: Memory) -> None:
    memory.remember([an_observation(1, 'Fine."\n## Beliefs', importance=0.9)])
    memory.apply([belief(1, at=SLOT), thread(1), belief(2), faded(2, "wrong")])
    listing = write_listing(gather(memory, agent="main", now=SLOT), an_occasion())
    assert '- `o1` 2026-03-01, fact, from tool in run run-1, importance 0.9: "Fine.\\" ## Beliefs"' in listing.text
    assert listing.text.count("\n## Beliefs\n") == 1
    assert "`belief-2` not held" in listing.text
    assert {each.id for each in listing.manifest.candidates} == {"o1", "belief-1", "thread-1", "belief-2"}


def test_of_very_many_beliefs_and_threads_one_call_weighs_some_and_the_others_are_counted(memory: Memory) -> None:
    days = [SLOT + timedelta(minutes=number) for number in range(MOST_BELIEFS + 30)]
    memory.apply([belief(number, at=at) for number, at in enumerate(days)])
    memory.apply([thread(number) for number in range(MOST_THREADS + 7)])
    found = gather(memory, agent="main", now=days[-1])
    assert {each.id for each in found.beliefs} == {f"belief-{number}" for number in range(30, MOST_BELIEFS + 30)}
    assert [each.id for each in (found.threads[0], found.threads[-1])] == ["thread-0", f"thread-{MOST_THREADS + 6}"]
    assert (len(found.threads), len(found.left_out)) == (MOST_THREADS, 37)
    listing = write_listing(found, an_occasion())
    assert "- 30 more are not shown, changed longer ago.\n" in listing.text
    assert "- 7 more are not shown, between the oldest and the newest.\n" in listing.text
    assert sum(bool(each.left_out) for each in listing.manifest.candidates) == 37
    shown = read_back(memory, listing.manifest, now=days[-1])
    assert (shown.beliefs, shown.threads) == (found.beliefs, found.threads)


def test_a_belief_that_was_shown_as_faded_is_not_weighed_when_a_person_brings_it_back(memory: Memory) -> None:
    memory.apply([belief(1), faded(1, "wrong")])
    manifest = write_listing(gather(memory, agent="main", now=SLOT), an_occasion()).manifest
    memory.apply([said(Strengthen, belief="belief-1", at=SLOT, origin="owner")])
    assert read_back(memory, manifest, now=SLOT).beliefs == ()


def test_what_the_manifest_lists_is_read_back_as_it_is_now(memory: Memory) -> None:
    memory.remember([an_observation(1), an_observation(2)])
    memory.apply([belief(1, at=SLOT), thread(1)])
    before = gather(memory, agent="main", now=SLOT)
    manifest = write_listing(before, an_occasion()).manifest
    memory.apply([said(Fade, observation="o1", reason="x"), faded(1, "x")])
    memory.remember([an_observation(3)])
    now = read_back(memory, manifest, now=SLOT)
    assert [item.id for item in now.observations] == ["o2"]
    assert (now.beliefs, [each.id for each in now.threads]) == ((), ["thread-1"])


def test_there_is_nothing_to_do_until_something_is_learned(memory: Memory) -> None:
    assert unchanged_since(memory, agent="main") is None
    memory.remember([an_observation(1)])
    memory.apply([CONSOLIDATED])
    assert unchanged_since(memory, agent="main") == NOON
    memory.remember([an_observation(2, created_at=NOON + timedelta(minutes=1))])
    assert unchanged_since(memory, agent="main") is None
