"""A Firestore that is down, slow or refuses ends in a sentence, soon, and what is stored stays as it is."""

import json
import time
from contextlib import AbstractContextManager
from pathlib import Path
from unittest.mock import patch

import grpc
import pytest
from google.api_core import exceptions

from sessions.errors import MemoryStoreError, SettingsError
from sessions.learned import Learned
from sessions.learning import read_learned, remember_once
from sessions.memory import open_memory
from sessions.memory.firestore import FirestoreMemory, Place
from sessions.memory.firestore.connection import WAIT_SECONDS, Attempt
from sessions.settings import Settings
from tests.fakes.changes import an_addition
from tests.fakes.chat_servers import free_port_that_refuses
from tests.fakes.firestore_emulator import Emulator, opened
from tests.fakes.observations import an_entry, an_observation
from tests.fakes.records import SLOT, a_folder
from tests.fakes.refusing_firestore import refusing_firestore


def refused(place: Place) -> str:
    began = time.monotonic()
    with pytest.raises(MemoryStoreError) as error:
        FirestoreMemory(place, wait_seconds=0.3)
    assert time.monotonic() - began < 5
    assert error.value.url == place.url
    assert place.url in str(error.value) or place.database in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_nobody_waits_longer_than_this_for_firestore() -> None:
    assert WAIT_SECONDS <= 15


def test_a_firestore_that_is_down_is_tried_for_a_while_and_then_said_so() -> None:
    place = Place("my-project", "(default)", f"127.0.0.1:{free_port_that_refuses()}")
    assert f"the Firestore emulator at {place.emulator_host} did not answer within 0.3 s" in refused(place)


def test_a_firestore_that_never_answers_is_given_up() -> None:
    with refusing_firestore() as place:
        assert "did not answer within 0.3 s" in refused(place)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (grpc.StatusCode.UNAVAILABLE, "did not answer"),
        (grpc.StatusCode.PERMISSION_DENIED, "give it the role roles/datastore.user in the project my-project"),
        (grpc.StatusCode.UNAUTHENTICATED, "gcloud auth application-default login"),
        (grpc.StatusCode.NOT_FOUND, "gcloud firestore databases create --project=my-project --database='night'"),
        (grpc.StatusCode.FAILED_PRECONDITION, "firebase deploy --only firestore --project=my-project"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "did not answer"),
        (grpc.StatusCode.INVALID_ARGUMENT, "it said no"),
        (grpc.StatusCode.ABORTED, "did not answer"),
    ],
    ids=lambda given: getattr(given, "name", ""),
)
def test_a_refusal_says_what_would_be_right(code: grpc.StatusCode, sentence: str) -> None:
    with refusing_firestore(code, "it said\nno.") as place:
        assert sentence in refused(place)


def test_without_credentials_for_google_cloud_it_says_how_to_get_some(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    assert "gcloud auth application-default login" in refused(Place("my-project", "night"))


@pytest.mark.parametrize(
    "url",
    [
        "firestore://",
        "firestore://project",
        "firestore://project/",
        "firestore:///database",
        "firestore://project/data/base",
        "firestore://pro ject/base",
        "firestore://project/(base)",
    ],
    ids=json.dumps,
)
def test_a_url_that_names_no_database_is_refused_with_what_would_be_right(url: str) -> None:
    with pytest.raises(MemoryStoreError, match=r"such as firestore://my-project/\(default\)"):
        open_memory(url)


@pytest.mark.parametrize("host", ["localhost", "http://localhost:8080", "a b:1", ":8080"])
def test_an_emulator_that_is_no_host_and_port_is_refused(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", host)
    with pytest.raises(SettingsError, match=r"^FIRESTORE_EMULATOR_HOST: "):
        open_memory("firestore://my-project/(default)")


def test_a_memory_of_a_newer_version_is_refused_and_left_as_it_was(firestore_emulator: Emulator) -> None:
    place = firestore_emulator.place()
    with opened(place) as memory:
        memory.remember([an_observation(1)])
        memory._rooms.format.set({"version": 99})
    with pytest.raises(MemoryStoreError, match="newer version"), opened(place):
        pass


def losing(*, stored: bool) -> AbstractContextManager[object]:
    """The connection breaks when something is written: before it arrives, or while its answer is on the way."""
    commit = Attempt._commit

    def broken(attempt: Attempt) -> object:
        if attempt._read_only:
            return commit(attempt)
        if stored:
            commit(attempt)
        raise exceptions.ServiceUnavailable("the connection broke")

    return patch.object(Attempt, "_commit", broken)


@pytest.mark.parametrize("stored", [False, True], ids=["before it arrives", "while its answer is on the way"])
def test_a_write_that_is_cut_off_can_be_repeated_and_is_there_once(firestore_emulator: Emulator, stored: bool) -> None:
    batch = [an_observation(n) for n in range(3)]
    with opened(firestore_emulator.place()) as memory:
        memory.remember([an_observation(99)])
        with pytest.raises(MemoryStoreError, match="stored whole or not at all"), losing(stored=stored):
            memory.remember(batch, an_entry(1))
        assert memory.count(agent="main") == (4 if stored else 1)
        again = memory.remember(batch, an_entry(1))
        assert (again.known if stored else again.added) == ("o0", "o1", "o2")
        assert memory.count(agent="main") == 4
        assert len(memory.journal(agent="main")) == 1


def test_what_a_run_learned_is_kept_in_its_folder_until_firestore_takes_it(
    firestore_emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_folder(tmp_path, steps={"extracted": SLOT})
    learned = Learned(changes=[an_addition(1)])
    run.write(run.learned_path, learned.model_dump_json())
    place = firestore_emulator.place()
    settings = Settings(home=tmp_path, memory_url=place.url)
    with refusing_firestore(grpc.StatusCode.PERMISSION_DENIED, "no") as refusing:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", refusing.emulator_host)
        remember_once(run, learned, settings=settings, now=SLOT)
    assert "roles/datastore.user" in run.record.notes["remembered"]
    assert not run.record.done("remembered")
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator.host)
    remember_once(run, read_learned(run), settings=settings, now=SLOT)
    assert run.record.done("remembered")
    with open_memory(place.url) as memory:
        assert [item.id for item in memory.latest(agent="main")] == ["o1"]
