"""Apprise with the addresses of its services turned to loopback."""

import warnings

import pytest

from tests.fakes.chat_servers import ChatServers

with warnings.catch_warnings():
    # apprise 1.13 imports `imghdr`, which Python 3.11 deprecates; drop when it does not
    warnings.simplefilter("ignore", DeprecationWarning)
    from apprise import Apprise

    Apprise.instantiate("json://localhost")  # loads every service

from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram


def point_apprise_at(servers: ChatServers, monkeypatch: pytest.MonkeyPatch) -> None:
    """For one test: Telegram, Slack and Discord are at `servers`."""
    monkeypatch.setattr(NotifyTelegram, "notify_url", servers.url("/bot"))
    monkeypatch.setattr(NotifySlack, "webhook_url", servers.url("/services"))
    monkeypatch.setattr(NotifyDiscord, "notify_url", servers.url("/api/webhooks"))
