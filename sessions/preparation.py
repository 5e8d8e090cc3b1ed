"""What an agent needs before it starts: its prompt, its model, its context and the task made of them."""

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from sessions.agent_environment import agent_environment
from sessions.context import look_up, render_context
from sessions.day_budget import left_of_day
from sessions.errors import PromptError
from sessions.memory import open_memory
from sessions.models import RUNNER_PROVIDERS, Model, require_model
from sessions.redaction import process_redactor
from sessions.run_folder import RunFolder, RunRecord
from sessions.runners.base import AgentTask
from sessions.settings import Settings
from sessions.spec import SessionSpec


def read_prompt(spec: SessionSpec, root: Path) -> str:
    """The prompt, from the parameter or from its file under `root`.

    Raises:
        PromptError: the file is missing, blank, not text, or a link that leads out of `root`.
    """
    if not spec.prompt_file:
        return spec.prompt
    path = (root / spec.prompt_file).resolve()
    if not path.is_relative_to(root.resolve()):
        raise PromptError(f"{spec.prompt_file} leads out of the repository", field="prompt_file")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"{spec.prompt_file} cannot be read as text: {error}", field="prompt_file") from error
    if not text.strip():
        raise PromptError(f"{spec.prompt_file} is blank; write down what the agent should do", field="prompt_file")
    return text


def choose_model(spec: SessionSpec, settings: Settings) -> Model:
    """The model that runs, checked against the runner and the session's own numbers.

    Raises:
        ModelError: it is unknown, gated, of another runner, or does not take the temperature or token limit.
    """
    model = require_model(
        settings.model_for(spec.agent, spec.model),
        runner=spec.runner,
        enabled=settings.enabled_models,
        extra_file=settings.models_file,
    )
    model.require_limits(temperature=spec.temperature, max_tokens=spec.max_tokens)
    return model


def build_context(record: RunRecord, *, prompt: str, git_state: Sequence[str], settings: Settings) -> str:
    """The context as it is right now, without secrets.

    Raises:
        MemoryStoreError: the memory cannot be read.
    """
    with closing(open_memory(settings.memory_address)) as memory:
        known = look_up(memory, agent=record.spec.agent, prompt=prompt)
    text = render_context(
        known,
        spec=record.spec,
        session=record.session,
        slot_at=record.slot_at,
        git_state=git_state,
        most_tokens=settings.context_tokens,
    )
    return process_redactor()(text)


def make_task(
    run: RunFolder,
    *,
    prompt: str,
    context: str,
    workspace: Path,
    settings: Settings,
    environment: Mapping[str, str] = os.environ,
) -> AgentTask:
    """What the runner gets.

    Args:
        run: the run; the agent's process gets a home folder of its own in it.
        prompt: what the agent is asked.
        context: what it starts with.
        workspace: where it works.
        settings: for the model's address, key and retries.
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
        workspace=workspace,
        environment=agent_environment(settings, environment, run_id=record.run_id, home=home),
        base_url=access.base_url,
        api_key=access.api_key.get_secret_value(),
        retries=settings.model_retries,
        agent_session_id=session_id_of(record.run_id),
    )


def session_id_of(run_id: str) -> str:
    """The id that the runner's own session takes: always the same for one run, in the form of a random UUID."""
    return str(UUID(bytes=sha256(run_id.encode()).digest()[:16], version=4))
