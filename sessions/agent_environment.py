"""The environment of an agent and of the tools it runs: an allow list, because everything else may be a secret."""

import os
from collections.abc import Mapping
from pathlib import Path

from sessions.errors import SettingsError
from sessions.process_tree import MARKER
from sessions.settings import Settings

ALLOWED = frozenset(
    {
        "PATH",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TERM",
        "TMPDIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "GIT_SSL_CAINFO",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    }
)
#: What an agent must never have, also when a setting asks for it.
_OWN = frozenset({"HOME", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"})
_OWN_PREFIXES = ("SESSIONS_", "PREFECT_")


def agent_environment(settings: Settings, source: Mapping[str, str], *, run_id: str, home: Path) -> dict[str, str]:
    """What the agent's process and its tools may see of `source`, and what they need beside it.

    No credential is in it: the model's key goes to the runner alone. A home of the run's own keeps the files of the
    person whose account runs the session out of it; the marker lets everything the agent starts be found again.

    Raises:
        SettingsError: SESSIONS_AGENT_ENV names a variable that belongs to this project.
    """
    _refuse_own_names(settings.agent_env)
    wanted = ALLOWED | set(settings.agent_env)
    kept = {name: value for name, value in source.items() if name in wanted or name.startswith("LC_")}
    return {"PATH": os.defpath, **kept, **_git_identity(settings), "HOME": str(home), MARKER: run_id}


def _refuse_own_names(names: tuple[str, ...]) -> None:
    for name in names:
        if name in _OWN or name.startswith(_OWN_PREFIXES):
            raise SettingsError(
                f"SESSIONS_AGENT_ENV: {name} is not for the agent; take it out, or give what it needs another name"
            )


def _git_identity(settings: Settings) -> dict[str, str]:
    """With an empty home git knows no author, and it must never wait for a password or a pager."""
    return {
        "GIT_AUTHOR_NAME": settings.git_name,
        "GIT_AUTHOR_EMAIL": settings.git_email,
        "GIT_COMMITTER_NAME": settings.git_name,
        "GIT_COMMITTER_EMAIL": settings.git_email,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_PAGER": "cat",
    }
