import subprocess
import sys
from importlib import util
from pathlib import Path

import numpy as np
import pytest

from sessions.errors import MemoryStoreError
from sessions.memory.embedder import StaticTable, static_table
from sessions.memory.sqlite import SqliteMemory
from tests.fakes.embedders import LetterEmbedder
from tests.fakes.observations import an_observation


def cosine(one: str, other: str) -> float:
    table = static_table()
    return float(table.embed(table.tokenize(one)) @ table.embed(table.tokenize(other)))


def test_words_of_one_meaning_are_nearer_than_others() -> None:
    assert cosine("the car broke down", "an automobile failed") > cosine("the car broke down", "bread and butter") + 0.1


def test_a_vector_has_length_one_and_weights_move_it() -> None:
    table = static_table()
    tokens = table.tokenize("disk full")
    assert np.linalg.norm(table.embed(tokens)) == pytest.approx(1, abs=1e-5)
    towards_disk = table.embed(tokens, [1.0] + [0.0] * (len(tokens) - 1))
    assert towards_disk == pytest.approx(table.embed(tokens[:1]), abs=1e-6)


def test_nothing_to_embed_is_a_vector_of_zeros() -> None:
    assert not static_table().embed(static_table().tokenize("  ")).any()


def test_a_missing_table_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "find_spec", lambda _name: None)
    with (
        SqliteMemory(tmp_path / "m", embedder=StaticTable()) as memory,
        pytest.raises(MemoryStoreError, match="pip install --force-reinstall 'wordllama"),
    ):
        memory.remember([an_observation(1)])


def test_a_damaged_table_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in ("weights/l2_supercat_256.safetensors", "tokenizers/l2_supercat_tokenizer_config.json"):
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).write_text("{")
    spec = util.spec_from_file_location("wordllama", tmp_path / "__init__.py")
    monkeypatch.setattr(util, "find_spec", lambda _name: spec)
    for use in (lambda: StaticTable().tokenize("a"), lambda: StaticTable().embed([1])):
        with pytest.raises(MemoryStoreError, match="pip install --force-reinstall 'wordllama"):
            use()


def test_the_table_is_read_without_importing_its_package_and_only_when_needed(tmp_path: Path) -> None:
    script = f"""
import sys
from sessions.memory import open_memory
with open_memory("sqlite:///{tmp_path}/m") as memory:
    memory.recall(agent="main", query="anything")
    memory.remember([])
    print("tokenizers" in sys.modules)
    from tests.fakes.observations import an_observation
    memory.remember([an_observation(1)])
    print("tokenizers" in sys.modules, "wordllama" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", "True", "False"]


def test_a_memory_of_another_embedder_is_not_mixed_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "m"
    with SqliteMemory(path, embedder=LetterEmbedder()) as memory:
        memory.remember([an_observation(1)])
        assert len(memory.recall(agent="main", query="number")) == 1
    before = path.read_bytes()
    with SqliteMemory(path) as memory:
        refused = pytest.raises(
            MemoryStoreError, match=r"'letters 1'.*'wordllama l2_supercat 256'.*`sessions memory re"
        )
        with refused:
            memory.remember([an_observation(2)])
        with refused:
            memory.recall(agent="main", query="number")
        # What needs no vectors goes on.
        assert len(memory.latest(agent="main")) == len(list(memory.changes())) == 1
    assert path.read_bytes() == before
