from pathlib import Path

import pytest

from sessions.channels import open_channel
from sessions.parameter_values import DeliveryTarget
from sessions.settings import Settings
from tests.contracts.channels import ChannelContract, Reached
from tests.fakes.channels import RecordingChannel
from tests.fakes.chat_servers import BOT_TOKEN, DISCORD_PATH, SLACK_PATH, ChatServers


class TestRecordingChannel(ChannelContract):
    @pytest.fixture
    def reached(self) -> Reached:
        self.channel = RecordingChannel()
        return Reached(self.channel, "here", "${GONE}")

    def arrived(self, reached: Reached) -> list[str]:
        del reached
        return [f"{message.title}\n{message.markdown}" for message in self.channel.taken.values()]


class TestFileChannel(ChannelContract):
    @pytest.fixture
    def reached(self, settings: Settings) -> Reached:
        settings.home.mkdir()
        (settings.home / "folder").mkdir()
        channel = open_channel(DeliveryTarget(channel="file", to="x"), settings, {})
        return Reached(channel, str(settings.home / "reports" / "{session}.md"), str(settings.home / "folder"))

    def arrived(self, reached: Reached) -> list[str]:
        return [path.read_text() for path in Path(reached.to).parent.glob("*")]


class _ThroughServers(ChannelContract):
    servers: ChatServers

    @pytest.fixture(autouse=True)
    def _keep_servers(self, servers: ChatServers) -> None:
        self.servers = servers

    def arrived(self, reached: Reached) -> list[str]:
        del reached
        return self.servers.texts


class TestWebhookChannel(_ThroughServers):
    @pytest.fixture
    def reached(self, servers: ChatServers, settings: Settings) -> Reached:
        environment = {"TEAM_HOOK": servers.url("/hook/s3cret-path-1234")}
        channel = open_channel(DeliveryTarget(channel="webhook", to="x"), settings, environment)
        return Reached(
            channel, "${TEAM_HOOK}", "http://user:pass-word-123@127.0.0.1:9/s3cret-path-1234?t=s3cret-query",
            secrets=("s3cret-path-1234", "pass-word-123", "s3cret-query"),
        )  # fmt: skip


class TestTelegramChannel(_ThroughServers):
    limit = 4096

    @pytest.fixture
    def reached(self, settings: Settings) -> Reached:
        channel = open_channel(DeliveryTarget(channel="telegram", to="x"), settings, {})
        return Reached(channel, "-1001234567890:topic:42", "-100999", secrets=(BOT_TOKEN,))


class TestSlackChannel(_ThroughServers):
    limit = 3000

    @pytest.fixture
    def reached(self, settings: Settings) -> Reached:
        channel = open_channel(DeliveryTarget(channel="slack"), settings, {})
        dead = "https://hooks.slack.com/services/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"
        return Reached(channel, "", dead, secrets=(SLACK_PATH, "w1R2o3N4g5H6w1R2o3N4g5H6"))


class TestDiscordChannel(_ThroughServers):
    limit = 2000

    @pytest.fixture
    def reached(self, settings: Settings) -> Reached:
        channel = open_channel(DeliveryTarget(channel="discord"), settings, {})
        dead = "https://discord.com/api/webhooks/123456789012345678/Wr0ng-Token_1234567890"
        return Reached(channel, "", dead, secrets=(DISCORD_PATH, "Wr0ng-Token_1234567890"))


class TestAppriseChannel(_ThroughServers):
    limit = 32_768  # apprise's own for json://

    @pytest.fixture
    def reached(self, servers: ChatServers, settings: Settings) -> Reached:
        environment = {"MY_JSON": f"json://127.0.0.1:{servers.port}/apprise"}
        channel = open_channel(DeliveryTarget(channel="apprise", to="x"), settings, environment)
        dead = "json://user:pass-word-123@127.0.0.1:9/s3cret-path-1234"
        return Reached(channel, "${MY_JSON}", dead, secrets=("pass-word-123", "s3cret-path-1234"))
