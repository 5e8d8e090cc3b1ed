"""Where reports go: files, webhooks, and every chat or mail service that apprise knows."""

from collections.abc import Mapping

from sessions.channels.base import Channel
from sessions.parameter_values import DeliveryTarget
from sessions.settings import Settings


def open_channel(target: DeliveryTarget, settings: Settings, environment: Mapping[str, str]) -> Channel:
    """The channel that takes reports to `target`; what it is made of is imported only now.

    Args:
        target: its `channel` decides; its `to` is given to `send`.
        settings: the home for relative paths, the time limit of one attempt, tokens and addresses.
        environment: where `${NAME}` in `to` is looked up when a report is sent.
    """
    if target.channel == "file":
        from sessions.channels.file import FileChannel  # noqa: PLC0415

        return FileChannel(settings.home, environment)
    if target.channel == "webhook":
        from sessions.channels.webhook import WebhookChannel  # noqa: PLC0415

        return WebhookChannel(settings.webhook_timeout_seconds, environment)
    from sessions.channels.chat import ChatChannel  # noqa: PLC0415

    return ChatChannel(target.channel, settings, environment)
