"""What all tests share: a clean environment, and one local stack for those that need a real Prefect."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Variables of the person who runs the tests that would lead them to a real model, server, chat or store.
FOREIGN = ("ANTHROPIC_", "CLAUDE", "SESSIONS_", "PREFECT_", "TELEGRAM_", "SLACK_", "DISCORD_", "GIT_")

for name in [name for name in os.environ if name.startswith(FOREIGN)]:
    del os.environ[name]
# Prefect reads these when it is imported, which the fakes below do.
os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="sessions-tests-prefect-")
os.environ["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "false"
os.environ["PREFECT_LOGGING_TO_API_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"

from sessions.redaction import process_redactor  # noqa: E402
from tests.fakes.house import House  # noqa: E402
from tests.fakes.stack import Stack, run_test_stack  # noqa: E402


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A real Prefect server and process worker, and an obedient offline model that the worker's runs ask."""
    with run_test_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def house(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Runs the flow in this process against the stack's server, with a home, a root and a model of its own."""
    process_redactor.cache_clear()
    with House.opened(stack.url, tmp_path, monkeypatch) as opened:
        yield opened
    process_redactor.cache_clear()
