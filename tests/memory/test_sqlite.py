import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.errors import MemoryStoreError
from sessions.memory import open_memory
from sessions.memory.base import Memory
from sessions.memory.sqlite import SqliteMemory
from tests.contracts.memory import MemoryContract, OpenStore
from tests.contracts.memory_log import MemoryLogContract
from tests.contracts.memory_past import MemoryPastContract
from tests.fakes.observations import an_observation

ANY_CHARACTER = st.characters(exclude_categories=())


class TestSqliteMemory(MemoryContract, MemoryLogContract, MemoryPastContract):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return lambda: open_memory(f"sqlite:///{tmp_path}/memory.sqlite3")


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Memory]:
    with SqliteMemory(tmp_path_factory.mktemp("memory") / "memory.sqlite3") as memory:
        memory.remember([an_observation(n, f"Deploy {n} of naïve Straße 中文 OR NOT NEAR") for n in range(60)])
        yield memory


@settings(max_examples=200, deadline=None)
@given(query=st.text(ANY_CHARACTER) | st.text(st.sampled_from("\"'*()^:-+{}|&_.\\ ORANDT中é\u0301🎉\u200f")))
def test_no_query_is_an_error(stocked: Memory, query: str) -> None:
    assert len(stocked.recall(agent="main", query=query)) <= 10


@settings(max_examples=50, deadline=None)
@given(text=st.text(st.characters(codec="utf-8"), min_size=1), quote=st.text(st.characters(codec="utf-8")))
def test_every_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, text: str, quote: str) -> None:
    stored = an_observation(1, text, quote=quote)
    with SqliteMemory(tmp_path_factory.mktemp("memory") / "m") as memory:
        memory.remember([stored])
        assert memory.latest(agent="main") == [stored]


@pytest.mark.parametrize("query", ["STRASSE straße", "NAÏVE", "nai\u0308ve", "naive"])
def test_case_and_accents_do_not_hide_a_word(tmp_path: Path, query: str) -> None:
    with SqliteMemory(tmp_path / "m") as memory:
        memory.remember([an_observation(1, "A naïve view of the Straße"), an_observation(2, "Lunch")])
        assert memory.recall(agent="main", query=query)[0].id == "o1"


def test_a_prompt_full_of_everyday_words_still_finds_the_rare_one(tmp_path: Path) -> None:
    everyday = "the build of the night was run by the worker and it was good"
    with SqliteMemory(tmp_path / "m") as memory:
        memory.remember([an_observation(n, f"{everyday}, number {n}") for n in range(80)])
        memory.remember([an_observation(100, "Kestrel owns the signing key")])
        memory.remember([an_observation(n, f"{everyday}, number {n}") for n in range(200, 280)])
        assert memory.recall(agent="main", query=f"{everyday} {everyday} kestrel")[0].id == "o100"


def test_vectors_are_found_beyond_the_first_block_and_past_inactive_ones(tmp_path: Path) -> None:
    crowd = [an_observation(n, "Rain in the mountains", status="reverted") for n in range(1500)]
    with SqliteMemory(tmp_path / "m") as memory:
        memory.remember([*crowd, an_observation(2000, "A shower on the hills")])
        assert [found.id for found in memory.recall(agent="main", query="wet weather, peaks")] == ["o2000"]


def test_forgotten_words_do_not_stand_in_the_file_any_more(tmp_path: Path) -> None:
    secret = "xylophone"
    with SqliteMemory(tmp_path / "m") as memory, SqliteMemory(tmp_path / "m") as other:
        memory.remember([an_observation(n, f"The {secret} number {n} was sold") for n in range(300)])
        other.remember([an_observation(999, "Kestrel owns the key", agent="scout")])
        memory.forget(agent="main")
        assert other.recall(agent="scout", query="kestrel")[0].id == "o999"
    stem = secret[:-1].encode()
    left = [path.name for path in tmp_path.iterdir() if stem in path.read_bytes()]
    assert left == []


def test_vectors_are_found_after_whole_blocks_were_forgotten(tmp_path: Path) -> None:
    with SqliteMemory(tmp_path / "m") as memory:
        memory.remember([an_observation(n, "Rain in the mountains") for n in range(1500)])
        memory.forget(agent="main")
        memory.remember([an_observation(2000, "A shower on the hills")])
        assert [found.id for found in memory.recall(agent="main", query="wet weather, peaks")] == ["o2000"]


def test_a_new_file_and_its_folder_are_made_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "memory.sqlite3"
    with open_memory(f"sqlite:///{path}") as memory:
        memory.remember([an_observation(1)])
        assert path.stat().st_mode & 0o077 == 0


def test_a_path_in_the_home_folder_may_be_written_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    open_memory("sqlite:///~/m.sqlite3").close()
    assert (tmp_path / "m.sqlite3").is_file()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgres://me:s3cret@host/db", "sqlite:///PATH"),
        ("memory.sqlite3", "sqlite:///PATH"),
        ("", "sqlite:///PATH"),
        ("sqlite://", "sqlite:///PATH"),
        ("sqlite:///", "absolute path"),
        ("sqlite:///memory.sqlite3", "absolute path"),
        ("sqlite:///:memory:", "absolute path"),
        ("sqlite:////tmp/a\0b", "absolute path"),
    ],
    ids=json.dumps,
)
def test_a_url_that_names_no_memory_is_refused_with_what_would_be_right(url: str, sentence: str) -> None:
    with pytest.raises(MemoryStoreError, match=sentence) as refused:
        open_memory(url)
    assert "s3cret" not in str(refused.value) + refused.value.url
