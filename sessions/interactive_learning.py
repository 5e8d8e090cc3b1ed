"""Learns from a person's conversations as from a run: once for each part, however often it is tried."""

import time
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import BaseModel

from sessions.agent_work import agent_run_of
from sessions.errors import RunFolderError
from sessions.interactive import (
    Conversation,
    conversations,
    interactive_home,
    is_over,
    read_conversation_file,
    save_conversation,
)
from sessions.interactive_told import copy_context
from sessions.interactive_transcript import Said, read_conversation
from sessions.learning import extract_once, remember_once
from sessions.learning_retry import Retried
from sessions.leftovers import closed_before, delete_leftovers
from sessions.locks import HeldError, held
from sessions.redaction import Redactor, process_redactor
from sessions.run_folder import (
    RunFolder,
    close_run,
    hold_interrupted,
    hold_run,
    is_too_old,
    read_record,
    unfinished_runs,
)
from sessions.run_record import RunRecord
from sessions.runners.base import AgentEnd, Stop
from sessions.settings import Settings
from sessions.spec import SessionSpec
from sessions.transcript import Entry

#: What interactive runs are called where scheduled ones have their session's name.
SESSION = "interactive"
#: As long as Claude Code keeps its own transcripts.
KEEP = timedelta(days=30)
#: What another process learns from is learned from again afterwards, if it went on meanwhile.
_AT_WORK_SECONDS = 60.0
_PROMPT_CHARACTERS = 500


class Part(BaseModel, frozen=True):
    """How far into its conversation a run reaches: the last line, and how long the file was then."""

    through: str
    file_bytes: int


async def learn_conversation(path: Path, *, settings: Settings, now: datetime) -> Retried | None:
    """Learn from what was said in a conversation since it was learned from last; None where nothing was.

    Args:
        path: the conversation's file.
        settings: where memory and runs are, and which model extracts.
        now: when.

    Raises:
        HeldError: another process does.
        RunFolderError: the transcript cannot be read, or the disk does not take it.
    """
    with held(path.parent, f"{path.stem}.lock", wait_seconds=_AT_WORK_SECONDS):
        conversation = read_conversation_file(path)
        if not conversation.has_news:
            return None
        length = conversation.transcript.stat().st_size
        fresh = conversation.unlearned(read_conversation(conversation.transcript))
        if not any(said.entry.kind == "prompt" for said in fresh):
            return None
        with hold_run(interactive_home(settings.home), _record(conversation, fresh, now)) as run:
            part = _cut(run, fresh, length)
            copy_context(settings.home, conversation.session_id, run)
            conversation.learned_through, conversation.learned_bytes = part.through, part.file_bytes
            save_conversation(path, conversation)
            return await _finish(run, settings, now)


def _record(conversation: Conversation, fresh: list[Said], now: datetime) -> RunRecord:
    asked = next(said.entry.text for said in fresh if said.entry.kind == "prompt")
    began, ended = fresh[0].entry.at, fresh[-1].entry.at
    return RunRecord(
        run_id=conversation.next_run_id,
        run_name=f"{SESSION} · {began:%Y-%m-%d %H:%M} UTC",
        session=SESSION,
        spec=SessionSpec(prompt=asked[:_PROMPT_CHARACTERS], agent=conversation.agent),
        slot_at=began,
        opened_at=now,
        steps={"agent_started": began, "agent_ended": ended},
        agent_session_id=conversation.session_id,
        agent_end=AgentEnd(stop=Stop.FINISHED),
    )


def _cut(run: RunFolder, fresh: list[Said], file_bytes: int) -> Part:
    """The part of the conversation that this run learns from: the same when the run is gone on with."""
    path = run.path / "part.json"
    if path.exists():
        return Part.model_validate_json(path.read_bytes())
    part = Part(through=fresh[-1].line, file_bytes=file_bytes)
    redact = process_redactor()
    run.write(run.transcript_path, "".join(_line(said.entry, redact) for said in fresh))
    run.write(path, part.model_dump_json())
    return part


def _line(entry: Entry, redact: Redactor) -> str:
    clean = Entry.model_validate(redact.value(entry.model_dump(mode="json")))
    return clean.model_dump_json(exclude_defaults=True) + "\n"


async def _finish(run: RunFolder, settings: Settings, now: datetime) -> Retried:
    record = run.record
    learned = await extract_once(run, agent_run_of(run, settings), settings=settings, now=now)
    learned = remember_once(run, learned, settings=settings, now=now)
    problem = "; ".join(record.notes.values())
    if record.done("remembered") or is_too_old(record, now):
        close_run(run, now)
    else:
        run.save()
    return Retried(run_id=record.run_id, agent=record.spec.agent, session=SESSION, learned=learned, problem=problem)


async def learn_what_is_left(settings: Settings, now: datetime) -> list[Retried]:
    """Learn from every conversation that is over and was not learned from, and try again what failed before.

    What another process is at work on for long is left to it. Conversations and runs older than 30 days are forgotten.
    A conversation that cannot be read is told of as a problem of no run.
    """
    home, done = settings.home, list[Retried]()
    for left in unfinished_runs(interactive_home(home)):
        with hold_interrupted(left) as run:
            if run:
                done.append(await _finish(run, settings, now))
    for path in conversations(home):
        if is_over(path, now=time.time(), quiet_seconds=settings.interactive_quiet_seconds):
            found = await _learn_or_say_why_not(path, settings, now)
            done += [found] if found else []
    _forget_old(settings, now)
    return done


async def _learn_or_say_why_not(path: Path, settings: Settings, now: datetime) -> Retried | None:
    try:
        return await learn_conversation(path, settings=settings, now=now)
    except HeldError:
        return None
    except RunFolderError as error:
        return Retried(run_id="", session=SESSION, problem=str(error))


def _forget_old(settings: Settings, now: datetime) -> None:
    at_home = settings.model_copy(update={"home": interactive_home(settings.home)})
    for run_id in closed_before(at_home.home, now - KEEP):
        delete_leftovers(str(run_id), at_home)
    for path in conversations(settings.home):
        if not read_conversation_file(path).transcript.exists():
            for each in path.parent.glob(f"{path.stem}.*"):
                each.unlink(missing_ok=True)


def open_parts(home: Path) -> list[RunRecord]:
    """The records of interactive runs that are not remembered yet."""
    return [read_record(path) for path in unfinished_runs(interactive_home(home))]
