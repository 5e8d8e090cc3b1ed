"""What a text says when its disguises are taken off: invisible and look-alike characters, spacing, encodings."""

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

from sessions.quarantine_shapes import look_alikes

#: Encodings within encodings are followed so far.
_DEPTH = 2
#: Shorter ones are names, numbers and hashes rather than text.
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{20,4000}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[\s:,]?){12,2000}")
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})|\\u\{?([0-9a-fA-F]{4})\}?|&#x?[0-9a-fA-F]{2,6};")
_LEET = str.maketrans("013457@$!|", "oieastasil")
#: What text may hold that nobody sees: joiners, marks of direction, soft hyphens, tags, variation selectors.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
#: Where they do more than join or turn: an override of direction, rows of them, tags that belong to no flag.
_HIDING = re.compile(
    "[\u202d\u202e]"
    "|[\u200b-\u200d\u2060-\u2064\ufeff]{4}"
    "|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3}"
    "|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]"
)
#: Letters one by one; the words that they make stand further apart, or there is only one.
_SPACED = re.compile(r"(?<!\S)(?:\w[ .\-_*]){2,60}\w(?=\W|$)")


def hides_text(text: str) -> bool:
    """Whether `text` holds characters that are there to hide something from who reads it."""
    return _HIDING.search(text) is not None


def without_invisible(text: str) -> str:
    """`text` without what nobody sees, control characters but line ends and tabs included."""
    return _CONTROL.sub("", _INVISIBLE.sub("", text))


def readings(text: str) -> list[str]:
    """What `text` may be meant to say, in lower case, each reading once."""
    return list(dict.fromkeys(_readings(text, _DEPTH)))


def _readings(text: str, depth: int) -> Iterator[str]:
    seen = without_invisible(html.unescape(text))
    folded = unicodedata.normalize("NFKC", seen).casefold()
    lines = re.sub(r"[ \t\r\f\v\xa0]+", " ", folded)
    line = " ".join(lines.split())
    latin = _without_accents(line.translate(look_alikes()))
    unspaced = " ".join(_SPACED.sub(_joined, folded.translate(look_alikes())).split())
    yield from (lines, line, latin, latin.translate(_LEET), unspaced)
    yield from (line[::-1], codecs.encode(latin, "rot13"))
    if depth:
        for decoded in _decoded(seen):
            yield from _readings(decoded, depth - 1)


def _without_accents(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


def _joined(match: re.Match[str]) -> str:
    return re.sub(r"[ .\-_*]", "", match[0])


def _decoded(text: str) -> Iterator[str]:
    """What stands in `text` in an encoding, and the text itself where some of its characters are escaped."""
    for match in _BASE64.finditer(text):
        yield from _as_text(_from_base64(match[0]))
    for match in _HEX.finditer(text):
        yield from _as_text(bytes.fromhex(re.sub(r"[^0-9a-fA-F]", "", match[0])))
    if (unquoted := unquote(text)) != text:
        yield unquoted
    if (unescaped := _ESCAPE.sub(_character, text)) != text:
        yield unescaped


def _character(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else html.unescape(match[0])


def _from_base64(token: str) -> bytes:
    plain = token.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(plain[: len(plain) - (len(plain) % 4 == 1)] + "=" * (-len(plain) % 4))
    except binascii.Error:
        return b""


def _as_text(decoded: bytes) -> Iterator[str]:
    """`decoded`, if it is text with a word's boundary in it and not a hash or a picture."""
    try:
        text = decoded.decode()
    except UnicodeDecodeError:
        return
    if " " in text and all(char.isprintable() or char.isspace() for char in text):
        yield text
