import pytest

from sessions.runners import open_runner
from sessions.runners.base import Runner
from tests.contracts.runners import RunnerContract


class TestClaudeAgentSdkRunner(RunnerContract):
    @pytest.fixture
    def runner(self) -> Runner:
        return open_runner("claude-agent-sdk")
