"""What drives a model."""

from sessions.parameters import RunnerName
from sessions.runners.base import Runner


def open_runner(name: RunnerName) -> Runner:
    """The runner of that name. Its runtime is imported here and not before: each takes about a second."""
    if name == "anthropic":
        from sessions.runners.messages import AnthropicRunner  # noqa: PLC0415

        return AnthropicRunner()
    if name == "gemini":
        from sessions.runners.gemini import GeminiRunner  # noqa: PLC0415

        return GeminiRunner()
    from sessions.runners.claude import ClaudeAgentSdkRunner  # noqa: PLC0415

    return ClaudeAgentSdkRunner()


def preload() -> None:
    """Load what the default runner needs, for a process that has time to wait now and none later."""
    import sessions.runners.claude  # noqa: F401, PLC0415
    from sessions.runners.claude_launch import preload as read_cli_ahead  # noqa: PLC0415

    read_cli_ahead()
