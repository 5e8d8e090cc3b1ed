"""Shapes that are secrets wherever they stand.

Every expression begins with a literal or a small set of characters and cannot begin inside a run of its own
characters, so that a search is linear and quick also in texts made to be slow.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MASK = "[redacted]"


@dataclass(frozen=True)
class Shape:
    """One shape. `literal` stands in every match: a text without it need not be searched.

    With `fold_case`, it stands there in any case and is given in lower case.
    """

    literal: str
    expression: re.Pattern[str]
    fold_case: bool = False

    def redact(self, text: str) -> str:
        """`text` with every match masked, but for what the group `keep` holds."""
        if self.literal not in (text.lower() if self.fold_case else text):
            return text
        return self.expression.sub(_mask, text)


def _mask(match: re.Match[str]) -> str:
    return match.groupdict().get("keep", "") + MASK


def _token(prefix: str, rest: str) -> Shape:
    """A token that begins with `prefix`, not in the middle of a word, and goes on with `rest`."""
    literal = re.escape(prefix)
    return Shape(prefix, re.compile(rf"{literal}(?<![A-Za-z0-9_-]{literal}){rest}"))


#: What providers begin their tokens with, by what comes after it.
_PREFIXES = (
    # Anthropic, OpenAI, Langfuse, OpenRouter
    (r"[A-Za-z0-9_-]{16,}", "sk-ant- sk-proj- sk-lf- sk-or-v1- sk-svcacct- sk-admin-"),
    (r"[A-Za-z0-9]{20,}", "sk-"),
    # GitHub, GitLab, Grafana
    (r"[A-Za-z0-9_]{20,}", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_"),
    (r"[A-Za-z0-9_-]{16,}", "glpat- gldt- glrt- glcbt- glptt- glsa_"),
    # Slack
    (r"[A-Za-z0-9-]{10,}", "xoxa- xoxb- xoxc- xoxe- xoxo- xoxp- xoxr- xoxs-"),
    (r"\d-[A-Za-z0-9-]{20,}", "xapp-"),
    # AWS, Google
    (r"[A-Z0-9]{16}(?![A-Za-z0-9])", "AKIA ASIA"),
    (r"[A-Za-z0-9_-]{35}", "AIza"),
    (r"[A-Za-z0-9_-]{20,}", "GOCSPX- ya29."),
    # npm, Hugging Face, Groq, Prefect, Shopify, DigitalOcean
    (r"[A-Za-z0-9]{30,}", "npm_ hf_ gsk_ pnu_ pnb_ shpat_ dop_v1_"),
    # Stripe, Linear, xAI
    (r"[A-Za-z0-9]{20,}", "sk_live_ sk_test_ rk_live_ whsec_ lin_api_ xai-"),
    # PyPI, Vault, Tailscale
    (r"[A-Za-z0-9_-]{20,}", "pypi-AgE hvs. tskey-auth-"),
    # SendGrid, JSON web tokens
    (r"[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", "SG."),
    (r"[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}", "eyJ"),
)


def _prefixed() -> Iterator[Shape]:
    """Providers that begin their tokens with a word of their own."""
    for rest, prefixes in _PREFIXES:
        for prefix in prefixes.split():
            yield _token(prefix, rest)


def _in_context() -> Iterator[Shape]:
    """Secrets that are known by what stands around them."""
    yield Shape(
        "hooks.slack", re.compile(r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,}")
    )
    yield Shape("/api/webhooks/", re.compile(r"discord(?:app)?\.com/api/webhooks/\d+/[A-Za-z0-9_-]{20,}"))
    # Telegram's bots; no `\b`, for the last character may be a hyphen, and `/bot` may stand in front
    yield Shape(":", re.compile(r"(?<!\d)\d{8,10}:[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"))
    yield Shape(
        "PRIVATE KEY",
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
            r".*?(?:-----END (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----|\Z)",
            re.DOTALL,
        ),
    )
    # name:password, or a long token alone, in front of an address's host
    yield Shape("://", re.compile(r"(?P<keep>://)(?:[^/\s:@]{0,256}:[^/\s@]{1,512}|[A-Za-z0-9_-]{20,512})(?=@)"))
    yield Shape(
        "bearer ", re.compile(r"(?P<keep>[Bb]earer )(?=[A-Za-z._~+/-]{0,64}\d)[A-Za-z0-9._~+/-]{16,}=*"), fold_case=True
    )
    yield Shape(
        "authorization",
        re.compile(
            r"(?P<keep>[Aa]uthorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:[Bb]asic|[Tt]oken) )[A-Za-z0-9+/=_.-]{8,}"
        ),
        fold_case=True,
    )
    # `password = "…"`: long, with a letter and a digit, so that code and prose that speak of passwords stay
    yield Shape(
        "",
        re.compile(
            r"(?P<keep>(?:api[_-]?key|secret|token|passw(?:or)?d|credential)[\"']?\s{0,4}[:=]\s{0,4}[\"']?)"
            r"(?=[A-Za-z+/_.-]{0,64}\d)(?=[0-9+/_.-]{0,64}[A-Za-z])(?![/.]|[A-Za-z0-9_.]{0,256}[(\[])"
            r"[A-Za-z0-9+/_.-]{16,}={0,2}",
            re.IGNORECASE,
        ),
    )
    yield Shape("AccountKey=", re.compile(r"(?P<keep>AccountKey=)[A-Za-z0-9+/]{40,}={0,2}"))  # Azure storage


SHAPES: tuple[Shape, ...] = (*_in_context(), *_prefixed())
