"""Whether a report could be sent, told before there is one."""

from pathlib import Path

import pytest

from sessions.channels import open_channel
from sessions.channels.reaching import require_listener
from sessions.errors import DeliveryError
from sessions.parameter_values import ChannelName, DeliveryTarget
from sessions.settings import Settings
from tests.fakes.chat_servers import free_port_that_refuses


async def fault_of(channel: ChannelName, to: str, settings: Settings) -> DeliveryError:
    target = DeliveryTarget(channel=channel, to=to)
    with pytest.raises(DeliveryError) as caught:
        await open_channel(target, settings, {}).check(to)
    return caught.value


async def test_a_web_address_at_which_nobody_listens_may_do_later(settings: Settings) -> None:
    port = free_port_that_refuses()
    fault = await fault_of("webhook", f"http://127.0.0.1:{port}/s3cret", settings)
    assert (f"127.0.0.1:{port} could not be reached" in str(fault), fault.retryable) == (True, True)
    assert "s3cret" not in str(fault)


async def test_an_address_that_is_none_never_does(settings: Settings) -> None:
    assert (await fault_of("webhook", "ftp://example.org/x", settings)).retryable is False


@pytest.mark.parametrize("channel", ["telegram", "slack", "discord"])
async def test_a_chat_without_its_token_is_told_by_the_variable(channel: ChannelName, tmp_path: Path) -> None:
    fault = await fault_of(channel, "-100" if channel == "telegram" else "", Settings(home=tmp_path))
    assert f"{channel.upper()}_" in str(fault)
    assert fault.retryable is False


async def test_a_path_whose_folder_cannot_be_made_is_told(settings: Settings) -> None:
    settings.home.mkdir()
    (settings.home / "file").touch()
    assert "whose folder can be made" in str(await fault_of("file", "file/report.md", settings))
    assert "{when}, which is not known" in str(await fault_of("file", "{when}.md", settings))
    assert not list(settings.home.glob("**/*.md"))


async def test_behind_a_proxy_nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"http://127.0.0.1:{free_port_that_refuses()}"
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    await require_listener(address, 1)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DeliveryError):
        await require_listener(address, 1)
