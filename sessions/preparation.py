"""What an agent needs before it starts: its prompt, its model, its tools and the task made of them."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from sessions.agent_environment import agent_environment
from sessions.day_budget import left_of_day
from sessions.errors import PromptError
from sessions.memory import open_memory
from sessions.memory_tools import AgentMemory
from sessions.models import RUNNER_PROVIDERS, Model, require_model
from sessions.pending_changes import FILE_NAME, PendingChanges
from sessions.redaction import process_redactor
from sessions.run_folder import RunFolder
from sessions.runners.base import AgentTask
from sessions.runners.questions import Attendant
from sessions.runners.session_tools import SessionTool
from sessions.sandbox import Sandbox, open_sandbox
from sessions.settings import Settings
from sessions.spec import SessionSpec
from sessions.workspace.base import Checkout


def read_prompt(spec: SessionSpec, root: Path) -> str:
    """The prompt, from the parameter or from its file under `root`.

    Raises:
        PromptError: the file is missing, blank, not text, or a link that leads out of `root`.
    """
    if not spec.prompt_file:
        return spec.prompt
    text = _read_inside(spec.prompt_file, root, field="prompt_file")
    if not text.strip():
        raise PromptError(f"{spec.prompt_file} is blank; write down what the agent should do", field="prompt_file")
    return text


def read_maintenance(spec: SessionSpec, root: Path) -> str:
    """The maintenance list under `root`; empty if the session has none.

    Raises:
        PromptError: the file is missing, not text, or a link that leads out of `root`.
    """
    return _read_inside(spec.maintenance_file, root, field="maintenance_file") if spec.maintenance_file else ""


def _read_inside(name: str, root: Path, *, field: str) -> str:
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise PromptError(f"{name} leads out of the repository", field=field)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"{name} cannot be read as text: {error}", field=field) from error


def choose_model(spec: SessionSpec, settings: Settings) -> Model:
    """The model that runs, checked against the runner and the session's own numbers.

    Raises:
        ModelError: it is unknown, gated, of another runner, or does not take the temperature, the token limit or
            thinking.
    """
    model = require_model(
        settings.model_for(spec.agent, spec.model),
        runner=spec.runner,
        enabled=settings.enabled_models,
        extra_file=settings.models_file,
    )
    model.require_limits(temperature=spec.temperature, max_tokens=spec.max_tokens)
    if spec.thinking:
        model.require_thinking(temperature=spec.temperature, max_tokens=spec.max_tokens)
    return model


def open_agent_memory(run: RunFolder, *, settings: Settings, now: Callable[[], datetime]) -> AgentMemory:
    """The memory tools of a run; what the agent writes waits in the run's folder.

    Raises:
        RunFolderError: what it wrote before cannot be read.
    """
    record, redact = run.record, process_redactor()
    pending = PendingChanges(run.path / FILE_NAME, agent=record.spec.agent, run=record.run_id, redact=redact)
    return AgentMemory(
        pending, session=record.session, open_store=partial(open_memory, settings.memory_address), now=now
    )


def make_task(
    run: RunFolder,
    *,
    prompt: str,
    context: str,
    workspace: Path,
    settings: Settings,
    session_tools: Sequence[SessionTool] = (),
    attendant: Attendant | None = None,
    sandbox: Sandbox | None = None,
    environment: Mapping[str, str] = os.environ,
) -> AgentTask:
    """What the runner gets.

    Args:
        run: the run; the agent's process gets a home folder of its own in it.
        prompt: what the agent is asked.
        context: what it starts with.
        workspace: where it works.
        settings: for the model's address, key and retries.
        session_tools: what the agent may call in our own process, such as its memory.
        attendant: takes its questions.
        sandbox: from `sandbox_for`.
        environment: what the allow list chooses from.

    Raises:
        ModelError: see `choose_model`.
        SettingsError: neither a key nor an address is set for the runner's provider.
    """
    record = run.record
    access = settings.require_model_access(RUNNER_PROVIDERS[record.spec.runner])
    home = run.make_folder("home")
    spec = record.spec
    return AgentTask(
        prompt=prompt,
        context=context,
        model=choose_model(spec, settings),
        temperature=spec.temperature,
        max_tokens=spec.max_tokens,
        max_turns=spec.max_turns,
        max_cost_usd=spec.max_cost_usd,
        left_of_day_usd=left_of_day(record, settings),
        loop_warn_after=settings.loop_warn_after,
        loop_stop_after=settings.loop_stop_after,
        allowed_tools=tuple(spec.allowed_tools),
        disallowed_tools=tuple(spec.disallowed_tools),
        session_tools=tuple(session_tools),
        mcp_servers=spec.mcp_servers,
        attendant=attendant,
        thinking=spec.thinking,
        workspace=workspace,
        sandbox=sandbox,
        environment=agent_environment(settings, environment, run_id=record.run_id, home=home),
        base_url=access.base_url,
        api_key=access.api_key.get_secret_value(),
        retries=settings.model_retries,
        agent_session_id=session_id_of(record.run_id),
    )


def sandbox_for(run: RunFolder, checkouts: Sequence[Checkout], settings: Settings) -> Sandbox | None:
    """What the run's agent may see of the machine, its working copies among it; None for all that its user sees.

    Raises:
        SettingsError: see `open_sandbox`.
    """
    return open_sandbox(
        settings,
        writable=[run.workspace_path, run.make_folder("home")],
        readable=[checkout.mirror for checkout in checkouts],
        hidden={checkout.books.parent for checkout in checkouts},
    )


def session_id_of(run_id: str) -> str:
    """The id that the runner's own session takes: always the same for one run, in the form of a random UUID."""
    return str(UUID(bytes=sha256(run_id.encode()).digest()[:16], version=4))
