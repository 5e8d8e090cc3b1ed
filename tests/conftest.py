"""What all tests share: a clean environment, and one local stack for those that need a real Prefect."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from tests.fakes.firestore_emulator import Emulator
    from tests.fakes.house import House
    from tests.fakes.stack import Stack

#: Variables of the person who runs the tests that would lead them to a real model, server, chat or store.
FOREIGN = (
    "ANTHROPIC_",
    "CLAUDE",
    "GEMINI_",
    "GOOGLE_",
    "SESSIONS_",
    "PREFECT_",
    "TELEGRAM_",
    "SLACK_",
    "DISCORD_",
    "GIT_",
    "FIRESTORE_",
)

for name in [name for name in os.environ if name.startswith(FOREIGN)]:
    del os.environ[name]
# How long an example takes is said by the machine, which has other test files to run, and not by the code.
hypothesis.settings.register_profile("whatever the machine", deadline=None)
hypothesis.settings.load_profile("whatever the machine")
# Prefect reads these when it is imported, which some test modules do.
_PREFECT_HOME = tempfile.TemporaryDirectory(prefix="sessions-tests-prefect-", ignore_cleanup_errors=True)
os.environ["PREFECT_HOME"] = _PREFECT_HOME.name
os.environ["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "false"
os.environ["PREFECT_LOGGING_TO_API_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Stack"]:
    """A real Prefect server and process worker, and an obedient offline model that the worker's runs ask."""
    from tests.fakes.stack import run_test_stack  # noqa: PLC0415 - Prefect takes two seconds to import

    # Else a test run that is ended from outside would leave its server and worker behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with run_test_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def house(stack: "Stack", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["House"]:
    """Runs the flow in this process against the stack's server, with a home, a root and a model of its own."""
    from sessions.redaction import process_redactor  # noqa: PLC0415 - after the environment is clean
    from tests.fakes.house import House  # noqa: PLC0415 - Prefect takes two seconds to import

    process_redactor.cache_clear()
    with House.opened(stack.url, tmp_path, monkeypatch) as opened:
        yield opened
    process_redactor.cache_clear()


@pytest.fixture(scope="session")
def firestore_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Emulator"]:
    """The real emulator; where it is not installed, the tests that need it are skipped, each with a loud reason."""
    from tests.fakes.firestore_emulator import run_emulator  # noqa: PLC0415 - the client takes two seconds to import

    # Else a test run that is ended from outside would leave it behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with run_emulator(tmp_path_factory.mktemp("emulator") / "emulator.log") as emulator:
        yield emulator
