"""Reports to chat and mail services, through apprise."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from sessions.channels.address import fill_in
from sessions.channels.base import Message
from sessions.channels.chat_service import DETAIL, DIALECTS, listen_to, notify
from sessions.channels.reaching import require_listener
from sessions.channels.request_lines import hush_request_lines
from sessions.channels.telegram_chat import parse_chat
from sessions.errors import DeliveryError
from sessions.parameter_values import ChannelName
from sessions.redaction import Redactor
from sessions.settings import Settings

_REMEDIES = {
    "telegram": "check TELEGRAM_BOT_TOKEN and `to`, and that the bot is in the chat",
    "slack": "check SLACK_WEBHOOK_URL or `to`",
    "discord": "check DISCORD_WEBHOOK_URL or `to`",
    "apprise": "check `to`",
}
_STATUS = re.compile(r"error=(\d{3})")
_PASSING = {408, 425, 429}
#: Said by the HTTP library when a request never left; after anything else the report may have arrived.
_NEVER_LEFT = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeout|Connection refused|ProxyError|SSLError"
)
#: Apprise may look something up, wait for a rate limit, and send: each within the time of one attempt.
_STEPS = 3


class ChatChannel:
    """Sends the report as one message of the service, cut to its limit.

    No service here can tell a repetition: what may have arrived is not sent again.
    """

    repeatable = False

    def __init__(self, channel: ChannelName, settings: Settings, environment: Mapping[str, str]) -> None:
        self._channel = channel
        self._settings = settings
        self._environment = environment

    async def send(self, message: Message, to: str) -> str:
        timeout_seconds = self._settings.webhook_timeout_seconds * _STEPS
        try:
            async with asyncio.timeout(timeout_seconds):
                return await asyncio.to_thread(self._send, message, fill_in(to, self._environment))
        except TimeoutError as error:
            raise DeliveryError(
                f"{self._channel} gave no answer in {timeout_seconds:g} s; the report may have arrived, so it is not "
                "sent again",
                retryable=False,
            ) from error

    async def check(self, to: str) -> None:
        service = await asyncio.to_thread(self._open, fill_in(to, self._environment))
        # Where apprise has Telegram and Discord, and Slack; of other services it says no address.
        address = getattr(service, "notify_url", "") or getattr(service, "webhook_url", "")
        await require_listener(str(address), self._settings.webhook_timeout_seconds)

    def _send(self, message: Message, to: str) -> str:
        with hush_request_lines():
            service = self._open(to)
            heard = listen_to(service)
            taken = notify(service, message)
        if not taken:
            raise self._refusal(heard, to)
        return f"{service.service_name} {to}" if self._channel == "telegram" else str(service.service_name)

    def _open(self, to: str) -> Any:  # noqa: ANN401 - apprise ships no types
        """Apprise's object for the target."""
        import apprise  # noqa: PLC0415 - slow to import

        asset = apprise.AppriseAsset(
            app_id="Scheduled Sessions",
            # nothing on disk, no pictures from elsewhere, and no token to wherever a server redirects
            storage_mode=apprise.PersistentStoreMode.MEMORY,
            image_url_mask="",
            image_url_logo="",
            http_redirects=False,
        )
        service = apprise.Apprise.instantiate(self._address(to), asset=asset)
        expected = self._channel.title()
        if service is None or (self._channel in DIALECTS and service.service_name != expected):
            name = "one that apprise knows" if self._channel == "apprise" else f"one of {expected}"
            raise DeliveryError(f"the address is not {name}; {_REMEDIES[self._channel]}", retryable=False)
        service.socket_connect_timeout = service.socket_read_timeout = self._settings.webhook_timeout_seconds
        return service

    def _address(self, to: str) -> str | dict[str, Any]:
        if self._channel == "apprise":
            return to
        if self._channel == "telegram":
            token = self._settings.telegram_bot_token.get_secret_value()
            return {"schema": "tgram", "bot_token": _set(token, "TELEGRAM_BOT_TOKEN"), "targets": [parse_chat(to)]}
        of_channel = {"slack": self._settings.slack_webhook_url, "discord": self._settings.discord_webhook_url}
        address = to or _set(of_channel[self._channel].get_secret_value(), f"{self._channel.upper()}_WEBHOOK_URL")
        return address.replace("thread_id=", "thread=")  # Discord's own word, in apprise's spelling

    def _refusal(self, heard: list[str], to: str) -> DeliveryError:
        """What the service said, judged: can trying again help, and can the report have arrived?"""
        said = next((line for line in reversed(heard) if not line.startswith(DETAIL)), "no reason given")
        said = self._without_secrets(" ".join(said.split()).rstrip("."), to)
        status = _STATUS.search(said)
        if status:
            passing = int(status[1]) in _PASSING or int(status[1]) >= 500  # noqa: PLR2004 - server errors
            return DeliveryError(f"{said}; {_REMEDIES[self._channel]}", retryable=passing)
        details = " ".join(line for line in heard if line.startswith(DETAIL))
        if details and not _NEVER_LEFT.search(details):
            return DeliveryError(f"{said}; the report may have arrived, so it is not sent again", retryable=False)
        return DeliveryError(f"{said}; {_REMEDIES[self._channel]}", retryable=bool(details))

    def _without_secrets(self, text: str, to: str) -> str:
        secrets = {
            "TELEGRAM_BOT_TOKEN": self._settings.telegram_bot_token.get_secret_value(),
            "SLACK_WEBHOOK_URL": self._settings.slack_webhook_url.get_secret_value(),
            "DISCORD_WEBHOOK_URL": self._settings.discord_webhook_url.get_secret_value(),
        }
        # a chat's number is no secret, an address may be one as a whole
        target = {} if self._channel == "telegram" else {"TARGET_WEBHOOK_URL": to}
        return Redactor({**self._environment, **secrets, **target})(text)


def _set(value: str, name: str) -> str:
    if not value:
        raise DeliveryError(f"{name} is not set; set it in the environment of the worker", retryable=False)
    return value
