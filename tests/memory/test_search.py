from pathlib import Path

import pytest

from sessions.memory.base import Observation
from sessions.memory.embedder import static_table
from sessions.memory.search import embed_query, fuse, words_of
from sessions.memory.sqlite import SqliteMemory
from tests.fakes.observations import an_observation


def test_scores_are_fused_on_one_scale_with_meaning_at_half_weight() -> None:
    fused = fuse({1: 4.0, 2: 2.0}, {2: 0.9, 3: 0.6, 4: 0.3})
    assert fused == pytest.approx({1: 1.0, 2: 0.5 + 0.5, 3: 0.25, 4: 0.0})


@pytest.mark.parametrize("lists", [({}, {}), ({7: 0.1}, {}), ({}, {7: 0.4}), ({7: 1.0}, {7: 0.4, 8: 0.4})])
def test_short_lists_are_fused_without_dividing_by_nothing(lists: tuple[dict[int, float], dict[int, float]]) -> None:
    assert set(fuse(*lists)) == {key for one in lists for key in one}
    assert all(score > 0 for score in fuse(*lists).values())


def test_words_are_taken_once_whatever_stands_between_them() -> None:
    assert words_of('Café cafe\u0301 "AND" (and) snake_case 42, 中文') == ["café", "and", "snake", "case", "42", "中文"]


def test_moments_are_kept_in_utc_and_impossible_ones_refused() -> None:
    stored = an_observation(1, created_at="2026-03-01T02:00:00+02:00", event_at="2026-03-01T00:00:00")
    assert stored.created_at == stored.event_at
    with pytest.raises(ValueError, match="outside the calendar"):
        Observation.model_validate(an_observation(1).model_dump() | {"event_at": "0001-01-01T00:00:00+14:00"})


def test_the_query_leans_towards_the_words_that_are_rare_in_what_the_agent_knows(tmp_path: Path) -> None:
    table = static_table()
    query = "build kestrel"
    with SqliteMemory(tmp_path / "m") as memory:
        memory.remember([an_observation(n, f"build {n}") for n in range(50)])
        weighted = embed_query(memory._connection, agent="main", query=query, embedder=table)
    plain = table.embed(table.tokenize(query))
    rare, frequent = (table.embed(table.tokenize(word)) for word in ("kestrel", "build"))
    assert weighted @ rare > plain @ rare + 0.02
    assert weighted @ frequent < plain @ frequent - 0.02
