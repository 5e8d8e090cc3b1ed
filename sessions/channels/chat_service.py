"""Apprise's object for one service: made to send our text as it is, and to say why it failed."""

import logging
from typing import Any

from sessions.channels.base import Message
from sessions.channels.chat_text import as_chat_text
from sessions.channels.dialects import DISCORD, SLACK, TELEGRAM, Dialect, length

DIALECTS = {"telegram": TELEGRAM, "slack": SLACK, "discord": DISCORD}
#: How lines begin in which apprise quotes the HTTP library.
DETAIL = ("Socket Exception:", "I/O Exception:")
#: For the markup that apprise makes of a Markdown body.
_MARGIN = 200
#: Discord's SUPPRESS_EMBEDS: a preview would fetch what an agent wrote.
_NO_PREVIEWS = 4


class _Ear(logging.Logger):
    """Not in the tree of loggers: apprise logs payloads and addresses, and somebody may listen there."""

    def __init__(self) -> None:
        super().__init__("delivery", logging.DEBUG)
        self.heard: list[str] = []

    def handle(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING or record.getMessage().startswith(DETAIL):
            self.heard.append(record.getMessage())


def listen_to(service: Any) -> list[str]:  # noqa: ANN401 - apprise ships no types
    """What the service's object says from now on; it says why it failed nowhere but in its log."""
    ear = _Ear()
    service.logger = ear
    return ear.heard


def notify(service: Any, message: Message) -> bool:  # noqa: ANN401
    """Send it, in the service's own marks if we know them, else in what apprise makes of Markdown.

    Returns:
        whether the service took it.
    """
    ending = f"Shortened. The whole report: {message.facts.get('report') or 'with the run'}"
    dialect = DIALECTS.get(str(service.service_name).lower())
    if dialect is None:
        return _notify_in_markdown(service, message, ending)
    _send_as_it_is(service, dialect)
    text = as_chat_text(message.title, message.markdown, dialect, ending=ending)
    return bool(service.notify(body=text, body_format=service.notify_format))


def _notify_in_markdown(service: Any, message: Message, ending: str) -> bool:  # noqa: ANN401
    from apprise import Apprise, NotifyFormat  # noqa: PLC0415 - slow to import

    bundle = Apprise()
    bundle.add(service)
    body = _cut(message.markdown, service.body_maxlen - length(message.title) - _MARGIN, ending)
    return bool(bundle.notify(body=body, title=message.title, body_format=NotifyFormat.MARKDOWN))


def _send_as_it_is(service: Any, dialect: Dialect) -> None:  # noqa: ANN401
    """Switch off what apprise would do to a text that is in the service's marks already."""
    from apprise import NotifyFormat  # noqa: PLC0415

    service.notify_format = NotifyFormat.TEXT if dialect is DISCORD else NotifyFormat.MARKDOWN
    if dialect is TELEGRAM:
        service.markdown_ver = "MarkdownV2"
    elif dialect is SLACK:
        service.use_blocks = True
    else:
        service.flags = _NO_PREVIEWS


def _cut(markdown: str, limit: int, ending: str) -> str:
    if length(markdown) <= limit:
        return markdown
    lines = markdown[: max(limit - length(ending) - 8, 0)].split("\n")[:-1]
    in_code = sum(line.startswith("```") for line in lines) % 2
    return "\n".join([*lines, *(["```"] * in_code), "", ending])
