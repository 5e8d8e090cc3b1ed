"""What drives a model."""

from sessions.runners.base import Runner
from sessions.spec import RunnerName


def open_runner(name: RunnerName) -> Runner:
    """The runner of that name. Its runtime is imported here and not before: each takes about a second."""
    if name == "anthropic":
        from sessions.runners.messages import AnthropicRunner  # noqa: PLC0415

        return AnthropicRunner()
    from sessions.runners.claude import ClaudeAgentSdkRunner  # noqa: PLC0415

    return ClaudeAgentSdkRunner()
