"""Every query has its index in `firestore.indexes.json`, and nobody but the sessions gets at a document."""

from datetime import timedelta

import httpx
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore import FieldFilter

from sessions.memory.base import Memory
from tests.fakes.changes import a_change, a_journal, an_addition
from tests.fakes.embedders import AnEmbedder
from tests.fakes.firestore_emulator import Emulator, opened
from tests.fakes.firestore_indexes import Declared, Index, Needed, needed_by, recorded_indexes
from tests.fakes.observations import MIDNIGHT

YESTERDAY = MIDNIGHT - timedelta(days=1)


def do_everything(memory: Memory) -> None:
    """Every method, with every kind of argument that makes another query of it."""
    faded = a_change("fade", 4, observation="o1", reason="old")
    memory.apply([an_addition(1), an_addition(2, run="run-9"), a_journal(3), faded])
    memory.apply([a_change("revert", 5, reverted="run-9")])
    for embedder in (None, AnEmbedder(768)):
        if embedder:
            memory.reindex(embedder)
        for as_of in (None, YESTERDAY):
            memory.recall(agent="main", query="observation number 1", as_of=as_of)
    for as_of in (None, YESTERDAY):
        memory.latest(agent="main", as_of=as_of)
        memory.count(agent="main", as_of=as_of)
    memory.quarantined(agent="main")
    memory.observations(["o1"])
    memory.history(observation="o1")
    memory.state(agent="main")
    for agent in ("main", None):
        for run, ops in ((None, None), ("run-1", None), (None, ["add"])):
            list(memory.changes(agent=agent, run=run, ops=ops))
    memory.forget(agent="main")


@pytest.fixture
def needed(firestore_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> set[Needed]:
    """What is needed by the queries of all that a memory can do."""
    with recorded_indexes(monkeypatch) as recorded, opened(firestore_emulator.place()) as memory:
        do_everything(memory)
    return recorded


def test_every_query_has_its_index(needed: set[Needed]) -> None:
    declared = Declared.read()
    assert [each for each in needed if not declared.serving(each)] == []


def test_no_index_is_kept_that_no_query_needs(needed: set[Needed]) -> None:
    declared = Declared.read()
    assert declared.indexes() - {declared.serving(each) for each in needed} == set()


def test_a_query_without_its_index_would_be_noticed() -> None:
    nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]
    changes = firestore.Client("project", credentials=nobody).collection("changes")
    by_run = changes.where(filter=FieldFilter("run", "==", "r"))
    ordered = needed_by(by_run.order_by("at")._to_protobuf())
    assert ordered == Needed("changes", "COLLECTION", frozenset({"run"}), ("at ASCENDING",))
    declared = Declared.read()
    assert declared.serving(ordered) is None
    exempted = needed_by(changes.where(filter=FieldFilter("place", "==", 1))._to_protobuf())
    assert exempted
    assert declared.serving(exempted) is None
    assert declared.serving(exempted._replace(collection="others")) == Index("others", "COLLECTION", ("automatic",))


A_USER = {"authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9."}


@pytest.mark.parametrize("path", ["agents/main/changes/add-o1", "agents/main/observations/o1", "memory/format", "a/b"])
@pytest.mark.parametrize("headers", [{}, A_USER], ids=["nobody", "a user"])
def test_the_rules_let_no_client_read_or_write(
    firestore_emulator: Emulator, path: str, headers: dict[str, str]
) -> None:
    place = firestore_emulator.place()
    with opened(place) as memory:
        memory.apply([an_addition(1)])
    address = f"http://{place.emulator_host}/v1/projects/{place.project}/databases/{place.database}/documents"
    with httpx.Client(trust_env=False, headers=headers) as client:
        asked = [
            client.get(f"{address}/{path}"),
            client.get(f"{address}/{path.rpartition('/')[0]}"),
            client.patch(f"{address}/{path}", json={"fields": {"text": {"stringValue": "mine"}}}),
            client.delete(f"{address}/{path}"),
        ]
        assert [answer.status_code for answer in asked] == [403] * 4
        owner = client.get(f"{address}/agents/main/observations/o1", headers={"authorization": "Bearer owner"})
    assert owner.status_code == 200
