import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.errors import MemoryStoreError
from sessions.memory import open_memory
from sessions.memory.firestore.rooms import as_id, name_of
from tests.contracts.memory import MemoryContract, OpenStore
from tests.contracts.memory_log import MemoryLogContract
from tests.contracts.memory_past import MemoryPastContract
from tests.fakes.changes import an_addition
from tests.fakes.embedders import AnEmbedder
from tests.fakes.firestore_emulator import Emulator, opened
from tests.fakes.firestore_indexes import Declared, recorded_indexes
from tests.fakes.observations import an_observation

FORBIDDEN = ["a/b", "/", ".", "..", "...", "__x__", "__", "____", "%2F", "a%b", "%", "", " ", "🎉/ü", "x" * 400]


class TestFirestoreMemory(MemoryContract, MemoryLogContract, MemoryPastContract):
    @pytest.fixture
    def open_store(self, firestore_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> OpenStore:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator.host)
        url = firestore_emulator.place().url
        return lambda: open_memory(url)

    @pytest.fixture(autouse=True)
    def every_query_has_its_index(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """The emulator needs none; Firestore refuses a query without."""
        with recorded_indexes(monkeypatch) as needed:
            yield
        declared = Declared.read()
        assert [each for each in needed if not declared.serving(each)] == []


def test_who_keeps_the_memory_in_a_file_does_not_pay_for_the_client_of_firestore(tmp_path: Path) -> None:
    script = (
        "import sys; from sessions.memory import open_memory; "
        f"open_memory('sqlite:///{tmp_path}/m').recall(agent='main', query='x'); "
        "print([name for name in sys.modules if name.startswith(('google', 'grpc'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n"


def test_names_that_firestore_takes_for_no_id_are_kept_apart(firestore_emulator: Emulator) -> None:
    with opened(firestore_emulator.place()) as memory:
        for number, name in enumerate(FORBIDDEN):
            memory.remember([an_observation(number, id=f"{number}{name}", agent=name)])
        assert memory.agents() == sorted(FORBIDDEN)
        for number, name in enumerate(FORBIDDEN):
            assert [found.id for found in memory.latest(agent=name)] == [f"{number}{name}"]
        memory.forget(agent="..")
        assert memory.agents() == sorted(set(FORBIDDEN) - {".."})


@given(name=st.text(st.characters(codec="utf-8")) | st.text(st.sampled_from("._%/25E")))
def test_every_name_has_an_id_of_its_own_that_firestore_takes(name: str) -> None:
    made = as_id(name)
    assert name_of(made) == name
    assert made
    assert "/" not in made
    assert made not in (".", "..")
    # Four underscores at least: `__` alone is an id like any other.
    assert not (made.startswith("__") and made[2:].endswith("__"))


def test_what_is_too_large_for_a_document_is_void_and_the_rest_is_stored(firestore_emulator: Emulator) -> None:
    noise = "".join(map(chr, Random(1).choices(range(0x4E00, 0x9E00), k=400_000)))  # noqa: S311 - noise
    with opened(firestore_emulator.place()) as memory:
        done = memory.remember([an_observation(1), an_observation(2, noise), an_observation(3)])
        assert (done.added, list(done.void)) == (("o1", "o3"), ["o2"])
        assert "larger than a document of Firestore can be (400," in done.void["o2"]
        assert memory.count(agent="main") == 2


def test_another_embedder_is_refused_until_every_vector_is_of_it(firestore_emulator: Emulator) -> None:
    place = firestore_emulator.place()
    with opened(place) as memory:
        memory.apply([an_addition(n) for n in range(3)] + [an_addition(9, agent="scout")])
        assert memory.embedder == "wordllama l2_supercat 256"
    with opened(place, embedder=AnEmbedder(768)) as other:
        for use in (lambda: other.recall(agent="main", query="number"), lambda: other.apply([an_addition(4)])):
            with pytest.raises(MemoryStoreError, match="sessions memory reindex"):
                use()
        assert other.latest(agent="scout")[0].id == "o9"
        assert other.reindex(AnEmbedder(768)) == 4
        assert other.embedder == AnEmbedder(768).name
        assert {found.id for found in other.recall(agent="main", query="number")} == {"o0", "o1", "o2"}
        assert other.apply([an_addition(4)]).new == ("add-o4",)
    with opened(place) as memory, pytest.raises(MemoryStoreError, match="768"):
        memory.recall(agent="main", query="number")


def test_what_others_write_while_vectors_are_made_anew_gets_one_too(firestore_emulator: Emulator) -> None:
    place = firestore_emulator.place()
    with opened(place) as memory, opened(place) as other:
        memory.apply([an_addition(n) for n in range(3)])
        late = iter([an_addition(7)])
        embedder = AnEmbedder(16, before=lambda: other.apply([change for change in [next(late, None)] if change]))
        assert memory.reindex(embedder) == 4
        assert len(memory.recall(agent="main", query="number")) == 4


def test_vectors_that_are_too_long_for_firestore_are_refused(firestore_emulator: Emulator) -> None:
    with opened(firestore_emulator.place()) as memory:
        memory.apply([an_addition(1)])
        with pytest.raises(MemoryStoreError, match="2048 numbers at most"):
            memory.reindex(AnEmbedder(3072))
        assert memory.recall(agent="main", query="number")
