import pytest
from pydantic import SecretStr

from sessions.channels import open_channel
from sessions.channels.base import Channel
from sessions.channels.telegram_chat import parse_chat
from sessions.errors import DeliveryError
from sessions.parameter_values import ChannelName, DeliveryTarget
from sessions.settings import Settings
from tests.contracts.channels import message
from tests.fakes.chat_servers import BOT_TOKEN, DISCORD_PATH, Answer, ChatServers, free_port_that_refuses


def chat(channel: ChannelName, settings: Settings) -> Channel:
    return open_channel(DeliveryTarget(channel=channel, to="x"), settings, {})


@pytest.mark.parametrize(
    ("to", "chat_id", "topic"),
    [
        ("-1001234567890", -1001234567890, None),
        ("-1001234567890:topic:42", -1001234567890, 42),
        ("-1001234567890:42", -1001234567890, 42),
        # Telegram knows the general topic only by leaving it out
        ("-1001234567890:topic:1", -1001234567890, None),
        ("@reports", "@reports", None),
    ],
)
async def test_a_telegram_target_reaches_its_chat_and_topic(
    servers: ChatServers, settings: Settings, to: str, chat_id: int | str, topic: int | None
) -> None:
    assert await chat("telegram", settings).send(message(), to) == f"Telegram {to}"
    assert servers.bodies[0]["chat_id"] == chat_id
    assert servers.bodies[0].get("message_thread_id") == topic
    assert servers.bodies[0]["disable_web_page_preview"] is True


@pytest.mark.parametrize("to", ["YOUR CHAT", "-100:topic:", "-100:topic:x", "1:2:3", "https://t.me/x", "12a"])
def test_a_wrong_telegram_target_is_answered_with_the_right_forms(to: str) -> None:
    with pytest.raises(DeliveryError, match="CHAT, CHAT:topic:TOPIC or CHAT:TOPIC"):
        parse_chat(to)


async def test_telegrams_own_reason_reaches_the_reader_with_a_remedy(servers: ChatServers, settings: Settings) -> None:
    with pytest.raises(DeliveryError, match="chat not found, error=400; check TELEGRAM_BOT_TOKEN and `to`") as caught:
        await chat("telegram", settings).send(message(), "-100999")
    assert caught.value.retryable is False
    assert servers.texts == []


async def test_a_wrong_token_is_refused_and_not_shown(servers: ChatServers, settings: Settings) -> None:
    wrong = "87654321:" + "x" * 35
    changed = settings.model_copy(update={"telegram_bot_token": SecretStr(wrong)})
    with pytest.raises(DeliveryError, match="Unauthorized, error=401") as caught:
        await chat("telegram", changed).send(message(), "-1001234567890")
    assert wrong not in str(caught.value)
    assert servers.texts == []


async def test_a_token_that_is_none_is_refused_and_not_shown(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    changed = settings.model_copy(update={"telegram_bot_token": SecretStr("n0t-a-token-at-all")})
    with pytest.raises(DeliveryError, match="the address is not one of Telegram") as caught:
        await chat("telegram", changed).send(message(), "-1001234567890")
    assert "n0t-a-token" not in str(caught.value) + caplog.text


@pytest.mark.parametrize(
    ("channel", "variable"),
    [("telegram", "TELEGRAM_BOT_TOKEN"), ("slack", "SLACK_WEBHOOK_URL"), ("discord", "DISCORD_WEBHOOK_URL")],
)
async def test_a_missing_credential_is_named(settings: Settings, channel: ChannelName, variable: str) -> None:
    bare = Settings(
        home=settings.home,
        telegram_bot_token=SecretStr(""),
        slack_webhook_url=SecretStr(""),
        discord_webhook_url=SecretStr(""),
    )
    with pytest.raises(DeliveryError, match=f"{variable} is not set") as caught:
        await chat(channel, bare).send(message(), "-100123" if channel == "telegram" else "")
    assert caught.value.retryable is False


async def test_an_address_of_another_service_is_refused(settings: Settings) -> None:
    with pytest.raises(DeliveryError, match="not one of Slack"):
        await chat("slack", settings).send(message(), f"https://discord.com/api/webhooks/{DISCORD_PATH}")


async def test_discord_takes_a_thread_in_its_own_spelling(servers: ChatServers, settings: Settings) -> None:
    address = f"https://discord.com/api/webhooks/{DISCORD_PATH}?thread_id=77"
    assert await chat("discord", settings).send(message(), address) == "Discord"
    assert servers.requests[0]["path"].endswith("?thread_id=77")


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_may_pass_is_tried_again(servers: ChatServers, settings: Settings, status: int) -> None:
    servers.next_answers = [Answer(status)]
    with pytest.raises(DeliveryError, match=f"error={status}") as caught:
        await chat("telegram", settings).send(message(), "-1001234567890")
    assert caught.value.retryable is True


async def test_a_report_that_never_left_is_tried_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, servers: ChatServers
) -> None:
    servers_gone = f"http://127.0.0.1:{free_port_that_refuses()}/bot"
    monkeypatch.setattr("apprise.plugins.telegram.NotifyTelegram.notify_url", servers_gone)
    with pytest.raises(DeliveryError) as caught:
        await chat("telegram", settings).send(message(), "-1001234567890")
    assert caught.value.retryable is True
    assert BOT_TOKEN not in str(caught.value)
    assert servers.requests == []


async def test_a_report_that_may_have_arrived_is_not_sent_again(servers: ChatServers, settings: Settings) -> None:
    servers.next_answers = [Answer(200, delay_seconds=60)]
    quick = settings.model_copy(update={"webhook_timeout_seconds": 0.2})
    with pytest.raises(DeliveryError, match="may have arrived, so it is not sent again") as caught:
        await chat("telegram", quick).send(message(), "-1001234567890")
    assert caught.value.retryable is False


async def test_an_address_that_apprise_does_not_know_is_refused(settings: Settings) -> None:
    with pytest.raises(DeliveryError, match="not one that apprise knows; check `to`"):
        await chat("apprise", settings).send(message(), "nosuchservice://host/s3cret-path")


async def test_telegram_through_an_apprise_address_is_the_same(servers: ChatServers, settings: Settings) -> None:
    await chat("apprise", settings).send(message(), f"tgram://{BOT_TOKEN}/-1001234567890:42/")
    assert servers.bodies[0]["parse_mode"] == "MarkdownV2"
    assert servers.bodies[0]["message_thread_id"] == 42
