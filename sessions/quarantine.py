"""Tells why a text must not be shown to an agent: it holds an order to it, a secret, or what looks like a tool call.

This is the last of several nets and can be slipped through: whose words may make a belief is decided without looking
at the words (ADR 0007), and what is shown stands there as quoted data. What is caught is kept for a person to see.
"""

import re

from sessions.disguises import hides_text, readings
from sessions.memory.things import Origin
from sessions.quarantine_shapes import quarantine_shapes
from sessions.secret_shapes import MASK, SHAPES

#: A password of a person's own making: a value with a letter and a digit in it, said to be one.
_TOLD_PASSWORD = re.compile(
    r"\b(?:password|passphrase|passwort|api[ _-]?key|access token|secret key|pin code)\b[^\n]{0,30}?"
    r"(?:\bis\b|\bwas\b|[=:])\s{0,3}[\"'`]?(?=[^\s\d]{0,40}\d)(?=[^\sA-Za-z]{0,40}[A-Za-z])[^\s\"'`]{7,}",
    re.IGNORECASE,
)
#: No observation needs more; what is longer is looked at in parts that overlap.
_PART = 4_000


def why_quarantined(text: str, *, origin: Origin) -> str:
    """Why `text` is for a person's eyes only, in a clause; empty if there is no reason.

    Args:
        text: what would be shown to an agent.
        origin: whose words it rests on. Its owner may tell the agent what to remember, and others may not.
    """
    if hides_text(text):
        return "it holds hidden characters"
    if holds_secret(text):
        return "it holds a secret"
    known = quarantine_shapes()
    shapes = known.attacks if origin == "owner" else (*known.attacks, *known.orders)
    said = {reading for part in _parts(text) for reading in readings(part)}
    return next((shape.reason for shape in shapes if any(map(shape.expression.search, said))), "")


def holds_secret(text: str) -> bool:
    """Whether `text` has the form of a credential somewhere in it; one that is masked already is none."""
    bare = text.replace(MASK, "")
    return any(shape.redact(bare) != bare for shape in SHAPES) or _TOLD_PASSWORD.search(bare) is not None


def _parts(text: str) -> list[str]:
    step = _PART // 2
    return [text[start : start + _PART] for start in range(0, max(len(text) - step, 1), step)]
