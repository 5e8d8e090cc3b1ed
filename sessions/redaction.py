"""Takes secrets out of text before it leaves the process."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache

from pydantic import JsonValue

from sessions.secret_shapes import MASK, SHAPES
from sessions.secret_spellings import spellings

_SHORTEST_SECRET = 8
#: Values of this length made of letters alone (a password like `postgres`) are masked as whole words only.
_WORD = re.compile(r"[A-Za-z]{8,15}\Z")
_SECRET_NAME = re.compile(
    r"TOKEN(?!S|IZ)|SECRET|PASSW|PASSPHRASE|CREDENTIAL|API_?KEY|WEBHOOK_URL|(?:^|_)(?:KEY|KEYS|AUTH|DSN|PAT|PWD)(?:_|$)",
    re.IGNORECASE,
)
#: Names that speak of a secret but hold where it is, not what it is; and the working directory.
_PLACE_NAME = re.compile(
    r"^(?:OLD)?PWD$|_(?:FILE|PATH|DIR|SOCK|SOCKET)$|^GOOGLE_APPLICATION_CREDENTIALS$", re.IGNORECASE
)
_PASSWORD_IN_URL = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")
_SECRET_FIELD = re.compile(
    r"(?:api|access|auth|private|secret)[-_]?(?:key|token)|client[-_]?secret|secret|password|passwd|passphrase|"
    r"authorization|x-api-key",
    re.IGNORECASE,
)


class Redactor:
    """Replaces known secret values and common token shapes by `[redacted]`.

    A known value is found as it is and as it looks URL-encoded, JSON-escaped, HTML-escaped or in base64. A value that
    is broken over several lines is not found, unless it has a known shape.

    Args:
        environment: variables whose *names* say that they hold a secret (`…_KEY`, `…_TOKEN`, …) give the known
            values, and so do passwords in the addresses that any variable holds; values shorter than 8 characters
            are left alone, or half of every text would be masked.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        secrets = {secret for name, value in environment.items() for secret in _secrets_of(name, value.strip())}
        long_enough = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
        words = sorted(filter(_WORD.match, long_enough), key=len, reverse=True)
        self._words = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(words)})(?![A-Za-z0-9])") if words else None
        known = {spelling for secret in long_enough.difference(words) for spelling in spellings(secret)}
        self._known = sorted(known, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """`text` without secrets."""
        for secret in self._known:
            text = text.replace(secret, MASK)
        if self._words:
            text = self._words.sub(MASK, text)
        for shape in SHAPES:
            text = shape.redact(text)
        return text

    def value(self, value: JsonValue) -> JsonValue:
        """`value` with every string in it redacted, keys included; fields named like a password are masked whole."""
        # The keys, and many a value, come again and again.
        return _value(value, cache(self))


def _value(value: JsonValue, redact: Callable[[str], str]) -> JsonValue:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_value(item, redact) for item in value]
    if isinstance(value, dict):
        return {redact(key): _field(key, item, redact) for key, item in value.items()}
    return value


def _field(name: str, value: JsonValue, redact: Callable[[str], str]) -> JsonValue:
    if isinstance(value, str) and len(value) >= _SHORTEST_SECRET and _SECRET_FIELD.fullmatch(name):
        return MASK
    return _value(value, redact)


def is_secret_name(name: str) -> bool:
    """Whether the name of a variable, field or header says that it holds a secret."""
    spoken = name.replace("-", "_")
    return bool(_SECRET_FIELD.fullmatch(name) or _SECRET_NAME.search(spoken)) and not _PLACE_NAME.search(spoken)


def _secrets_of(name: str, value: str) -> Iterator[str]:
    """What of one variable is secret: its value, a password in it, the last parts of a webhook's path."""
    yield from _PASSWORD_IN_URL.findall(value)
    if not _SECRET_NAME.search(name) or _PLACE_NAME.search(name):
        return
    yield value
    if "://" in value:
        yield from (part for part in re.split(r"[/?&=]", value.partition("://")[2])[1:] if len(part) > _SHORTEST_SECRET)


@lru_cache(maxsize=1)
def process_redactor() -> Redactor:
    """The redactor for this process's own environment."""
    return Redactor(os.environ)
