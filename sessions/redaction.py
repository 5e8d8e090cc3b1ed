"""Takes secrets out of text before it leaves the process."""

import os
import re
from collections.abc import Mapping
from functools import lru_cache

from pydantic import JsonValue

MASK = "[redacted]"
_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSW|CREDENTIAL|WEBHOOK_URL|_DSN|_AUTH)(_|$|[A-Z0-9])", re.IGNORECASE)
_SHORTEST_SECRET = 8
#: Shapes that are secrets wherever they stand.
_SHAPES = re.compile(
    "|".join(
        (
            r"sk-(?:ant-|proj-|lf-)?[A-Za-z0-9_-]{16,}",  # Anthropic, OpenAI, Langfuse
            r"gh[pousr]_[A-Za-z0-9]{20,}",  # GitHub
            r"github_pat_[A-Za-z0-9_]{20,}",
            r"glpat-[A-Za-z0-9_-]{16,}",  # GitLab
            r"xox[abeoprs]-[A-Za-z0-9-]{10,}",  # Slack
            r"hooks\.slack\.com/services/[A-Za-z0-9/]{20,}",
            r"discord(?:app)?\.com/api/webhooks/\d+/[A-Za-z0-9_-]{20,}",
            r"\b\d{8,10}:[A-Za-z0-9_-]{35}\b",  # Telegram bots
            r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",  # AWS
            r"\bAIza[A-Za-z0-9_-]{35}",  # Google
            r"\bya29\.[A-Za-z0-9_-]{20,}",
            r"\bnpm_[A-Za-z0-9]{36}\b",
            r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",  # JSON web tokens
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
            r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)",  # name:password in an address
            r"(?<=[Bb]earer )[A-Za-z0-9._~+/-]{16,}=*",
        )
    ),
    re.DOTALL,
)


class Redactor:
    """Replaces known secret values and common token shapes by `[redacted]`.

    Args:
        environment: variables whose *names* say that they hold a secret (`…_KEY`, `…_TOKEN`, …) give the known
            values; values shorter than 8 characters are left alone, or half of every text would be masked.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        values = {
            value.strip()
            for name, value in environment.items()
            if _SECRET_NAME.search(name) and len(value.strip()) >= _SHORTEST_SECRET
        }
        longest_first = sorted(values, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """`text` without secrets."""
        if self._known:
            text = self._known.sub(MASK, text)
        return _SHAPES.sub(MASK, text)

    def value(self, value: JsonValue) -> JsonValue:
        """`value` with every string in it redacted, keys included."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self(key): self.value(item) for key, item in value.items()}
        return value


@lru_cache(maxsize=1)
def process_redactor() -> Redactor:
    """The redactor for this process's own environment."""
    return Redactor(os.environ)
