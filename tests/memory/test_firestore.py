import pytest

from sessions.memory import open_memory
from tests.contracts.memory import MemoryContract, OpenStore
from tests.contracts.memory_log import MemoryLogContract
from tests.fakes.firestore_emulator import Emulator


class TestFirestoreMemory(MemoryContract, MemoryLogContract):
    @pytest.fixture
    def open_store(self, firestore_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> OpenStore:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator.host)
        url = firestore_emulator.place().url
        return lambda: open_memory(url)
