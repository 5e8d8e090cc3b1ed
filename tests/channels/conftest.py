from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from sessions.settings import Settings
from tests.fakes.apprise_addresses import point_apprise_at
from tests.fakes.chat_servers import BOT_TOKEN, DISCORD_PATH, SLACK_PATH, ChatServers, chat_servers


@pytest.fixture(name="servers")
def _servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServers]:
    with chat_servers() as servers:
        point_apprise_at(servers, monkeypatch)
        yield servers


@pytest.fixture(name="settings")
def _settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home",
        webhook_timeout_seconds=2,
        telegram_bot_token=SecretStr(BOT_TOKEN),
        slack_webhook_url=SecretStr(f"https://hooks.slack.com/services/{SLACK_PATH}"),
        discord_webhook_url=SecretStr(f"https://discord.com/api/webhooks/{DISCORD_PATH}"),
    )
