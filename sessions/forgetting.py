"""Makes an agent forget, so that nothing of it comes back."""

from datetime import datetime
from pathlib import Path

from sessions.errors import RunFolderError
from sessions.interactive import conversations, interactive_home, read_conversation_file, save_conversation
from sessions.interactive_transcript import Said, read_conversation
from sessions.locks import HeldError, held
from sessions.memory import open_memory
from sessions.memory.base import Forgotten
from sessions.run_folder import RunFolder, close_run, hold_interrupted, read_record, unfinished_runs
from sessions.settings import Settings
from sessions.unlearned import owes_learning, pass_over, runs_to_look_at


def forget_agent(agent: str, settings: Settings, now: datetime) -> Forgotten:
    """Remove all that `agent` knows. What its interrupted runs left, and what was said so far, is not learned any more.

    Args:
        agent: its name.
        settings: where the memory and the runs are.
        now: when those runs were closed.

    Raises:
        RunFolderError: a run of the agent is at work, or is being finished; nothing was forgotten.
        MemoryStoreError: the memory cannot be opened or written.
    """
    for path in [*unfinished_runs(settings.home), *unfinished_runs(interactive_home(settings.home))]:
        with hold_interrupted(path, agent=agent) as run:
            if run:
                close_run(run, now)
    _pass_over_closed_runs(agent, settings, now)
    _pass_over_conversations(agent, settings)
    if at_work := [path.name for path in unfinished_runs(settings.home) if read_record(path).spec.agent == agent]:
        raise RunFolderError(
            f"run {at_work[0]} of agent {agent!r} is at work or being finished; try again when it ended"
        )
    with open_memory(settings.memory_address) as memory:
        return memory.forget(agent=agent)


def _pass_over_closed_runs(agent: str, settings: Settings, now: datetime) -> None:
    """Take for learned what the agent's closed runs did."""
    for path in [*runs_to_look_at(settings.home), *runs_to_look_at(interactive_home(settings.home))]:
        try:
            with held(path):
                run = RunFolder(path, read_record(path))
                if run.record.spec.agent == agent and run.record.done("closed") and owes_learning(run.record):
                    pass_over(run, now)
        except HeldError:
            continue  # it is said below that it is at work


def _pass_over_conversations(agent: str, settings: Settings) -> None:
    """Take what was said in the agent's conversations so far for learned."""
    for path in conversations(settings.home):
        conversation = read_conversation_file(path)
        if conversation.agent != agent or not conversation.has_news:
            continue
        length = conversation.transcript.stat().st_size
        said = _what_can_be_read(conversation.transcript)
        passed = {"learned_through": said[-1].line if said else "", "learned_bytes": length}
        save_conversation(path, conversation.model_copy(update=passed))


def _what_can_be_read(transcript: Path) -> list[Said]:
    try:
        return read_conversation(transcript)
    except RunFolderError:
        # It cannot be learned from either.
        return []
