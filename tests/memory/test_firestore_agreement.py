"""The SQLite and the Firestore memory come to the same by the same changes, and find nearly the same."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings

from sessions.memory.changes import Change
from sessions.memory.firestore.words import bm25, rarity, stems_of
from sessions.memory.sqlite import SqliteMemory
from sessions.memory.words import words_of_agent
from tests.contracts.memory_agreement import AGREEMENT, apply_in_batches, assert_agree, operation_logs
from tests.fakes.changes import minutes
from tests.fakes.firestore_emulator import Emulator, opened
from tests.fakes.observations import an_observation

DECISIONS = Path(__file__).resolve().parent.parent.parent / "docs" / "adr"


@settings(max_examples=4, deadline=None)
@given(log=operation_logs(least=20, most=40))
def test_by_the_same_changes_both_stores_come_to_the_same(
    firestore_emulator: Emulator, tmp_path_factory: pytest.TempPathFactory, log: list[Change]
) -> None:
    with (
        SqliteMemory(tmp_path_factory.mktemp("memory") / "m") as sqlite,
        opened(firestore_emulator.place()) as firestore,
    ):
        assert apply_in_batches(firestore, log, 7) == apply_in_batches(sqlite, log, 7)
        assert_agree(sqlite, firestore, [minutes(len(log) // 2)])


def sentences() -> list[str]:
    """What our decisions say, as texts that people wrote."""
    text = "\n".join(path.read_text() for path in sorted(DECISIONS.glob("*.md")))
    found = re.split(r"(?<=[.:])\s+", re.sub(r"[#`*]", "", text))
    return [sentence for sentence in found if len(sentence) > 40]


def test_of_what_people_write_both_stores_find_the_same(firestore_emulator: Emulator, tmp_path: Path) -> None:
    known = sentences()[:150]
    observations = [an_observation(n, text, context=known[n - 1]) for n, text in enumerate(known) if n % 6]
    queries = [*known[::30], "what happens when a process dies", "who pays"]
    with SqliteMemory(tmp_path / "m") as sqlite, opened(firestore_emulator.place()) as firestore:
        shared = 0
        for memory in (sqlite, firestore):
            memory.remember(observations)
        for query in queries:
            first, second = (
                {item.id for item in memory.recall(agent="main", query=query)} for memory in (sqlite, firestore)
            )
            shared += len(first & second)
    assert shared / (10 * len(queries)) >= AGREEMENT


def test_words_are_weighed_as_sqlite_weighs_them(tmp_path: Path) -> None:
    texts = [
        "Deployed on Friday",
        "The deploy went well, the deploy was short",
        "Coffee is out",
        "Straße, naïve",
        "Tea",
    ]
    counts, (query,) = stems_of(texts), stems_of(["deploy coffee NAIVE"])
    weights = {stem: rarity(sum(stem in each for each in counts), len(texts)) for stem in query}
    average = sum(sum(each.values()) for each in counts) / len(texts)
    words = words_of_agent("main")
    with SqliteMemory(tmp_path / "m") as memory:
        memory.remember([an_observation(n, text) for n, text in enumerate(texts)])
        rows = memory._connection.execute(
            f"SELECT o.id, -rank FROM {words} JOIN observations o ON o.seq = {words}.rowid "  # noqa: S608
            f"WHERE {words} MATCH 'deploy OR coffee OR naive'"
        ).fetchall()
    scores = {f"o{n}": bm25(each, weights, average) for n, each in enumerate(counts)}
    assert dict(rows) == pytest.approx({name: score for name, score in scores.items() if score})
    assert len(rows) == 4


def test_a_small_agent_beside_a_big_one_finds_the_same_in_both_stores(
    firestore_emulator: Emulator, tmp_path: Path
) -> None:
    """What is rare in its own memory may stand in every second observation of the other agent, and the reverse."""
    known = sentences()
    of_scout = [an_observation(n, text, agent="scout") for n, text in enumerate(known[:50])]
    of_main = [an_observation(1_000 + n, f"{text} {known[n % 7]}") for n, text in enumerate(known[50:300])]
    shared = dict.fromkeys(("main", "scout"), 0)
    queries = [*known[:50:10], *known[50:300:50], "what happens when a process dies", "who pays for it"]
    with SqliteMemory(tmp_path / "m") as sqlite, opened(firestore_emulator.place()) as firestore:
        for memory in (sqlite, firestore):
            memory.remember(of_main)
            memory.remember(of_scout)
        for agent in shared:
            for query in queries:
                one, other = (
                    {item.id for item in memory.recall(agent=agent, query=query)} for memory in (sqlite, firestore)
                )
                shared[agent] += len(one & other)
    parts = {agent: count / (10 * len(queries)) for agent, count in shared.items()}
    assert min(parts.values()) >= AGREEMENT, parts
