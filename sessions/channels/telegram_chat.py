"""The three spellings of a Telegram target: CHAT, CHAT:topic:TOPIC and CHAT:TOPIC."""

import re

from sessions.errors import DeliveryError

_TARGET = re.compile(r"(?P<chat>-?\d{1,32}|@?[A-Za-z_][A-Za-z0-9_]{3,})(?::(?:topic:)?(?P<topic>\d{1,18}))?")
#: The topic that every forum begins with; Telegram refuses messages that name it.
_GENERAL = 1


def parse_chat(to: str) -> str:
    """The target as `CHAT` or `CHAT:TOPIC`.

    Raises:
        DeliveryError: it is none of the three.
    """
    match = _TARGET.fullmatch(to.strip())
    if match is None:
        raise DeliveryError(
            "`to` is no Telegram target; write CHAT, CHAT:topic:TOPIC or CHAT:TOPIC, as in -1001234567890:topic:42",
            retryable=False,
        )
    topic = int(match["topic"] or _GENERAL)
    return match["chat"] if topic in (0, _GENERAL) else f"{match['chat']}:{topic}"
