"""What the tests of memories share."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fakes.firestore_emulator import Emulator


@pytest.fixture(scope="session")
def firestore_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Emulator"]:
    """The real emulator; where it is not installed, the tests that need it are skipped, each with a loud reason."""
    from tests.fakes.firestore_emulator import run_emulator  # noqa: PLC0415 - the client takes two seconds to import

    with run_emulator(tmp_path_factory.mktemp("emulator") / "emulator.log") as emulator:
        yield emulator
