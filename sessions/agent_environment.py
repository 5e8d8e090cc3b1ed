"""The environment of an agent and of the tools it runs: an allow list, because everything else may be a secret."""

import os
import re
from collections.abc import Iterable, Mapping
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
        "NO_PROXY",
        "no_proxy",
    }
)
#: Allowed too, but for a user name and password in them.
PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"})
_USER_INFO = re.compile(r"^([a-z][a-z0-9+.-]*://)?.*@", re.IGNORECASE | re.DOTALL)
#: What an agent must never have, also when a setting asks for it.
_OWN = frozenset(
    {"HOME"} | {str(field.validation_alias) for field in Settings.model_fields.values() if field.validation_alias}
)
_OWN_PREFIXES = ("SESSIONS_", "PREFECT_")
#: Of clouds and of what keeps traces; a project that means its agent to have one of them gives it another name.
_CLOUD_PREFIXES = ("AWS_", "AZURE_", "ARM_", "CLOUDSDK_", "GOOGLE_", "FIREBASE_", "LANGFUSE_", "OTEL_")


def agent_environment(settings: Settings, source: Mapping[str, str], *, run_id: str, home: Path) -> dict[str, str]:
    """What the agent's process and its tools may see of `source`, and what they need beside it.

    No credential is in it: the model's key goes to the runner alone. A home of the run's own keeps the files of the
    person whose account runs the session out of it; the marker lets everything the agent starts be found again.

    Raises:
        SettingsError: SESSIONS_AGENT_ENV names a variable that no agent may have.
    """
    require_for_agents(settings.agent_env)
    wanted = ALLOWED | set(settings.agent_env)
    kept = {name: value for name, value in source.items() if name in wanted or name.startswith("LC_")}
    proxies = {name: _USER_INFO.sub(r"\1", source[name]) for name in PROXIES & source.keys()}
    return {"PATH": os.defpath, **proxies, **kept, **_git_identity(settings), "HOME": str(home), MARKER: run_id}


def proxies_in_part(settings: Settings, source: Mapping[str, str]) -> list[str]:
    """The proxies in `source` whose user name and password an agent does not get: all that no setting names."""
    return sorted(name for name in PROXIES & source.keys() - {*settings.agent_env} if _USER_INFO.match(source[name]))


def require_for_agents(names: Iterable[str]) -> None:
    """Refuse what SESSIONS_AGENT_ENV may not name: this project's variables, and those of clouds and of Langfuse.

    Raises:
        SettingsError: one of `names` is among them.
    """
    for name in names:
        # Settings are read whatever the case of their names.
        if name.upper() in _OWN or name.upper().startswith((*_OWN_PREFIXES, *_CLOUD_PREFIXES)):
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
