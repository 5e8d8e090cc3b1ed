"""The password of the local stack's server: without one an agent leaves its sandbox by asking the server (ADR 0020)."""

import os
import secrets
from pathlib import Path

from pydantic import SecretStr

from sessions.files import write_private
from sessions.settings import Settings

#: Both know it; Prefect's own names. Its form is USER:PASSWORD.
SERVER_VARIABLE, CLIENT_VARIABLE = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"
_USER = "sessions"
NO_PASSWORD = SecretStr("")


def choose_password(settings: Settings) -> SecretStr:
    """What the server of a stack asks for; empty for nothing, as where agents are in no sandbox anyway.

    The environment's own counts. Else one is made, and kept in SESSIONS_HOME, which agents in a sandbox do not see, so
    that a browser needs to be told it once.
    """
    if given := os.environ.get(SERVER_VARIABLE):
        return SecretStr(given)
    return _kept(settings.home / "server-password") if settings.sandbox != "off" else NO_PASSWORD


def told(password: SecretStr, *variables: str) -> dict[str, str]:
    """The variables by which a process is told the password; none where there is none."""
    return dict.fromkeys(variables, password.get_secret_value()) if password.get_secret_value() else {}


def _kept(path: Path) -> SecretStr:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, f"{_USER}:{secrets.token_urlsafe(24)}")
    return SecretStr(path.read_text(encoding="utf-8").strip())
