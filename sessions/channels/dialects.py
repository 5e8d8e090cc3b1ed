"""How chat services want their text: each has its own marks, its own dangers and its own limit."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass

#: Invisible; keeps a service from taking a word for the name of somebody to call.
_GAP = "\u200b"


def _same(text: str) -> str:
    return text


@dataclass(frozen=True)
class Dialect:
    """One service's text.

    Attributes:
        limit: the longest message, in UTF-16 units as services count them.
        escape: makes text stand for itself.
        escape_code: the same inside code.
        bold: the marks around bold text, as a format string.
        link: how a text with an address is written, as a format string of `text` and `address`.
        address: makes an address safe in that place.
    """

    limit: int
    escape: Callable[[str], str]
    escape_code: Callable[[str], str] = _same
    bold: str = "**{}**"
    link: str = "[{text}]({address})"
    address: Callable[[str], str] = _same


def _call_nobody(text: str) -> str:
    """No name in a report calls the one who bears it, nor everyone."""
    return re.sub(r"(?<!\w)@(?=[\w!&])", f"@{_GAP}", text)


def _with_backslashes(characters: str) -> Callable[[str], str]:
    special = re.compile(f"([{re.escape(characters)}])")
    return lambda text: special.sub(r"\\\1", _call_nobody(text))


def _for_slack(text: str) -> str:
    """Slack has no way to escape a mark; the gap keeps `*` and `_` at the beginning of a word from being one."""
    return re.sub(r"((?<!\w)[*_~](?=\S)|`)", rf"\1{_GAP}", html.escape(text, quote=False))


#: MarkdownV2: everything that could be a mark is escaped, or the whole message is refused.
TELEGRAM = Dialect(
    limit=4096,
    escape=_with_backslashes("_*[]()~`>#+-=|{}.!\\"),
    escape_code=_with_backslashes("`\\"),
    bold="*{}*",
    address=_with_backslashes(")\\"),
)
#: mrkdwn, in one section block.
SLACK = Dialect(
    limit=3000,
    escape=_for_slack,
    escape_code=lambda text: html.escape(text, quote=False),
    bold="*{}*",
    link="<{address}|{text}>",
    address=lambda address: html.escape(address, quote=False).replace("|", "%7C"),
)
#: Markdown, but no tables and no HTML; `@everyone` would call everyone.
DISCORD = Dialect(
    limit=2000,
    escape=_with_backslashes("_*[]()~`>#|\\"),
    link="[{text}](<{address}>)",
    address=lambda address: address.replace("@", "%40"),
)


def length(text: str) -> int:
    """How long services take `text` to be: in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2
