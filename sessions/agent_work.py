"""The agent's part of a run: started once, ended by itself or by a limit, and never started twice."""

from collections.abc import Callable
from datetime import datetime

from sessions.consolidation import ConsolidationCall
from sessions.day_budget import day_budget
from sessions.delivery import targets_for
from sessions.ending import outcome_of, reason_for
from sessions.errors import ModelError
from sessions.limits import agent_run_from, supervise
from sessions.models import Model, find_model
from sessions.outcome import Delivery, Outcome
from sessions.redaction import process_redactor
from sessions.run_folder import RunFolder, close_run
from sessions.run_record import RunRecord
from sessions.runners import open_runner
from sessions.runners.base import AgentEnd, AgentRun, AgentTask, Stop
from sessions.settings import Settings
from sessions.transcript import Transcript


async def run_agent_once(
    run: RunFolder, task: AgentTask, *, settings: Settings, now: Callable[[], datetime]
) -> AgentEnd:
    """Run the agent, unless it was started before: work that was begun is not begun again, only finished.

    Raises:
        RunnerError: the runtime could not be started.
        RunFolderError: the disk does not take the transcript.
    """
    record = run.record
    if record.done("agent_started"):
        return end_interrupted(run, now())
    record.agent_session_id = task.agent_session_id
    run.mark("agent_started", now())
    done = await supervise(
        ConsolidationCall(run, settings) if record.spec.kind == "consolidation" else open_runner(record.spec.runner),
        task,
        Transcript(run.transcript_path, process_redactor()),
        run_id=record.run_id,
        timeout_seconds=record.spec.timeout_seconds,
        inactivity_timeout_seconds=idle_seconds(record, settings),
        now=now,
    )
    error = _error_with_budget(done, record, settings)
    end = AgentEnd(stop=done.stop, final_text=done.final_text, error=error, denials=done.denials)
    return _ended(run, end, now())


def _error_with_budget(done: AgentRun, record: RunRecord, settings: Settings) -> str:
    """Why the agent ended; where that was the budget of its day, how much that is."""
    budget = day_budget(record, settings).cost_sentence if done.stop is Stop.DAY_COST else ""
    return "; ".join(filter(None, (budget, done.error)))


def end_interrupted(run: RunFolder, at: datetime) -> AgentEnd:
    """The end of an agent whose process died: what it left stands, and it is not run again."""
    if run.record.agent_end:
        return run.record.agent_end
    return _ended(run, AgentEnd(stop=Stop.INTERRUPTED, error="its process ended before the agent did"), at)


def end_broken(run: RunFolder, sentence: str, at: datetime) -> AgentEnd:
    """The end of an agent that something else kept from working; `sentence` says what. One that ended before stands."""
    return run.record.agent_end or _ended(run, AgentEnd(stop=Stop.FAILED, error=sentence), at)


def _ended(run: RunFolder, end: AgentEnd, at: datetime) -> AgentEnd:
    if run.record.spec.kind == "agent":
        # Nothing was learned from it yet: what stands there was put there by an agent with a shell.
        run.discard(run.learned_path)
    run.record.agent_end = end.model_copy(update={"error": process_redactor()(end.error)})
    run.mark("agent_ended", at)
    return run.record.agent_end


def idle_seconds(record: RunRecord, settings: Settings) -> int:
    """How long the agent may be idle: the session's own number, or the project's where it gives -1."""
    own = record.spec.inactivity_timeout_seconds
    return settings.inactivity_timeout_seconds if own < 0 else own


def model_of(record: RunRecord, settings: Settings) -> Model | None:
    """The model that the run asked for; None if none is spelled so, now or any more, and nothing can be priced."""
    try:
        return find_model(settings.model_for(record.spec.agent, record.spec.model), settings.models_file)
    except ModelError:
        return None


def agent_run_of(run: RunFolder, settings: Settings) -> AgentRun:
    """What the agent did, from the run's own files alone."""
    record = run.record
    transcript = Transcript(run.transcript_path, process_redactor())
    return agent_run_from(
        transcript,
        end=record.agent_end,
        model=model_of(record, settings),
        agent_session_id=record.agent_session_id,
        started_at=record.steps.get("agent_started", record.opened_at),
        # Of an agent that died nobody knows when: its last word was the end, not the moment that it was found.
        ended_at=None if _was_interrupted(record) else record.steps.get("agent_ended"),
    )


def _was_interrupted(record: RunRecord) -> bool:
    return record.agent_end is not None and record.agent_end.stop is Stop.INTERRUPTED


def conclude(run: RunFolder, agent_run: AgentRun, *, stopped_by_request: bool = False) -> None:
    """Write the run's outcome and its reason into the record, once."""
    record = run.record
    end = record.agent_end
    if record.outcome or end is None:
        return
    record.outcome = outcome_of(end, stopped_by_request=stopped_by_request)
    record.reason = reason_for(
        end,
        record.spec,
        turns=agent_run.turns,
        cost_usd=agent_run.cost_usd,
        seconds=agent_run.duration_seconds,
    )
    run.save()


def give_up(run: RunFolder, at: datetime) -> None:
    """Close a run whose finishing died each time it was tried; what was done of it stands.

    Raises:
        RunFolderError: the disk does not take it.
    """
    record = run.record
    record.outcome = record.outcome or Outcome.CRASHED
    record.reason = record.reason or f"the run was interrupted and could not be finished in {record.attempts} attempts"
    if record.delivery is None:
        waiting = targets_for(record.outcome, record.spec)
        record.delivery = Delivery.DELIVERY_FAILED if waiting else Delivery.NOTHING_TO_DELIVER
    close_run(run, at)
