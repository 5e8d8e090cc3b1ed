"""What this machine has to have, if runs are to work on it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

from deployments.examination import Examined, bad, doubtful, good
from sessions.errors import MemoryStoreError, ModelError, RunnerError, SettingsError
from sessions.memory import open_memory
from sessions.models import Provider, require_enabled
from sessions.sandbox import why_no_sandbox
from sessions.settings import Settings

_FREE_GIGABYTES = 1.0
_ANSWER_SECONDS = 20


def examine_machine(settings: Settings) -> Iterator[Examined]:
    """A line for each thing; starts no agent and spends nothing."""
    examinations: tuple[Callable[[Settings], Examined], ...] = (
        _home,
        _memory,
        _model,
        _extraction,
        _git,
        _agent_cli,
        _sandbox,
    )
    return iter([examination(settings) for examination in examinations])


def _home(settings: Settings) -> Examined:
    home, remedy = settings.home, "set SESSIONS_HOME to a writable folder"
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            free = shutil.disk_usage(home).free / 1e9
    except OSError as error:
        return bad("home", f"{home} cannot be written: {error.strerror}", remedy)
    if free < _FREE_GIGABYTES:
        return doubtful("home", f"{home} has {free:.1f} GB left", "free some space")
    return good("home", f"{home} can be written, {free:.0f} GB free")


def _memory(settings: Settings) -> Examined:
    address = settings.memory_address
    path = Path(address.removeprefix("sqlite:///"))
    if address.startswith("sqlite:///") and path.is_absolute() and not path.exists():
        return good("memory", f"{address} is made by the first run")
    try:
        with open_memory(address) as memory:
            # Firestore opens without the indexes that a first read needs.
            memory.latest(agent="main", limit=1)
            return good("memory", f"{address} opens")
    except MemoryStoreError as error:
        return bad("memory", str(error), "set SESSIONS_MEMORY_URL, or put the file of a backup in its place")


def _model(settings: Settings) -> Examined:
    try:
        settings.require_model_access()
    except SettingsError as error:
        return bad("model", str(error), "export one of them where the worker is started")
    return good("model", "; ".join(_reached(provider, settings) for provider in get_args(Provider)))


def _reached(provider: Provider, settings: Settings) -> str:
    access = settings.model_access(provider)
    key = "a key" if access.api_key.get_secret_value() else "no key"
    return f"{provider}: {key}, {access.base_url or 'its own API'}" if access.is_set else f"{provider}: not set up"


def _extraction(settings: Settings) -> Examined:
    asked = settings.extraction_model
    try:
        model = require_enabled(asked, enabled=settings.enabled_models, extra_file=settings.models_file)
        settings.require_model_access(model.provider)
    except (ModelError, SettingsError) as error:
        return doubtful(
            "extraction", f"{asked} cannot be asked: {error}", "or set SESSIONS_EXTRACTION_MODEL to another"
        )
    return good("extraction", f"{model.name} turns transcripts into observations")


def _git(settings: Settings) -> Examined:
    del settings
    if said := _answer("git", "--version"):
        return good("git", said)
    return bad("git", "git is not there or does not answer", "install git; sessions with `repos` need it")


def _agent_cli(settings: Settings) -> Examined:
    del settings
    # Loads the agent's SDK, which takes a second.
    from sessions.runners.claude_launch import find_cli  # noqa: PLC0415

    remedy = "install claude-agent-sdk anew, or use another runner"
    try:
        cli = find_cli()
    except RunnerError as error:
        return bad("agent", str(error), remedy)
    said = _answer(str(cli), "--version")
    return good("agent", f"{said}, {cli}") if said else bad("agent", f"{cli} does not start", remedy)


def _sandbox(settings: Settings) -> Examined:
    who, why_not = "root" if os.geteuid() == 0 else "this user", why_no_sandbox()
    if settings.sandbox == "off":
        can = why_not or "set SESSIONS_SANDBOX=auto, which works here"
        return good("sandbox", f"off: an agent with Bash acts as {who}; {can}")
    if not why_not:
        return good("sandbox", "on: agents see their workspace and the system's folders")
    if settings.sandbox == "auto":
        return doubtful("sandbox", f"not on: {why_not}; an agent with Bash acts as {who}", "install bubblewrap")
    return bad("sandbox", f"no run begins: {why_not}", "mend it, or set SESSIONS_SANDBOX=auto")


def _answer(*command: str) -> str:
    """The first line that a program says; empty if it fails or does not answer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_ANSWER_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return ""
    return next(iter(done.stdout.strip().splitlines()), "")
