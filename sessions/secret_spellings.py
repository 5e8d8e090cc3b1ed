"""How one secret looks after the encodings that it may pass through on its way into a text."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

#: Fewer characters of base64 than this would also match ordinary text.
_SHORTEST_BASE64 = 10
#: A line of a secret of several lines, such as a private key, counts alone from this length on.
_SHORTEST_LINE = 24


def spellings(secret: str) -> set[str]:
    """Every way to write `secret` that is looked for; the secret itself is one."""
    quoted = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], html.escape(secret)}
    slashes = {secret.replace("/", "\\/")}
    lines = {line.strip() for line in secret.splitlines() if len(line.strip()) >= _SHORTEST_LINE}
    lower_case_quoted = {_lower_case_escapes(secret)}
    return {secret} | quoted | lower_case_quoted | escaped | slashes | lines | _base64_spellings(secret)


def _lower_case_escapes(secret: str) -> str:
    return "".join(c if quote(c, safe="") == c else quote(c, safe="").lower() for c in secret)


def _base64_spellings(secret: str) -> set[str]:
    """Base64 of the secret wherever it stands in what was encoded (`user:secret` of basic authorization).

    Base64 works on groups of three bytes, so there are three ways; the characters at both ends also depend on the
    neighbours and are left out.
    """
    found = set()
    for offset in range(3):
        raw = b"\0" * offset + secret.encode()
        encoded = base64.b64encode(raw).decode().rstrip("=")
        first = (offset * 8 + 5) // 6
        last = len(raw) * 8 // 6
        found |= {encoded[first:last], encoded[first:last].replace("+", "-").replace("/", "_")}
    return {spelling for spelling in found if len(spelling) >= _SHORTEST_BASE64}
