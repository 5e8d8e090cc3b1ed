"""How a memory is: what is in it, what is old, what waits for a person, and what could not be learned yet."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel

from sessions.errors import MemoryStoreError, RunFolderError, SettingsError
from sessions.interactive import conversations, interactive_home, is_over, read_conversation_file
from sessions.interactive_transcript import read_conversation
from sessions.memory import open_memory
from sessions.memory.base import ALL, Memory
from sessions.memory.place import Place, place_of
from sessions.run_folder import is_closed, read_record
from sessions.run_record import RunRecord
from sessions.settings import Settings
from sessions.unlearned import owes_learning, runs_to_look_at

_SHOWN = 5
_RETRY = "run `sessions memory retry`"


class HealthLine(BaseModel, frozen=True):
    """One thing that was looked at. `fail` keeps runs from reading or feeding the memory, `warn` is for a person."""

    status: Literal["ok", "warn", "fail"]
    subject: str
    found: str
    remedy: str = ""


def examine_memory(settings: Settings, now: datetime) -> list[HealthLine]:
    """Look at the memory of this environment, and at what was not learned yet.

    It opens the memory as a run does, which brings a file of an older version forward; else nothing is changed.

    Args:
        settings: where memory and runs are, and from when on something is old.
        now: by which it is old.
    """
    return [*_store(settings, now), *_runs(settings), *_conversations(settings)]


def _store(settings: Settings, now: datetime) -> Iterator[HealthLine]:
    place = place_of(settings.memory_address)
    if place.is_missing_file:
        yield HealthLine(status="ok", subject="memory", found=f"{place.where} is not there yet; the first run makes it")
        return
    try:
        with open_memory(settings.memory_address) as memory:
            yield HealthLine(status="ok", subject="memory", found=_described(place))
            yield _embedder(memory, settings)
            for agent in memory.agents():
                yield from _agent(memory, agent, now, timedelta(days=settings.stale_after_days))
    except (MemoryStoreError, SettingsError) as error:
        yield HealthLine(status="fail", subject="memory", found=str(error))


def _described(place: Place) -> str:
    size = f", {place.size_bytes / 1_000_000:.1f} MB" if place.size_bytes is not None else ""
    return place.where + size + (f", format {place.version}" if place.version is not None else "")


def _embedder(memory: Memory, settings: Settings) -> HealthLine:
    from sessions.memory.embedder import open_embedder  # noqa: PLC0415 - imports numpy

    wanted = open_embedder(settings).name
    if memory.embedder in ("", wanted):
        return HealthLine(status="ok", subject="embedder", found=wanted)
    return HealthLine(
        status="fail",
        subject="embedder",
        found=f"the memory was built with {memory.embedder!r}, and SESSIONS_MEMORY_EMBEDDER means {wanted!r}",
        remedy="set it back, or run `sessions memory reindex`",
    )


def _agent(memory: Memory, agent: str, now: datetime, stale_after: timedelta) -> Iterator[HealthLine]:
    state = memory.state(agent=agent)
    counts = (
        f"{memory.count(agent=agent)} observations, {len(state.held_beliefs(now))} beliefs, "
        f"{len(state.open_threads('discuss', 'solo', 'experiment'))} open threads, {len(state.journal)} journal entries"
    )
    newest = [item.created_at for item in memory.latest(agent=agent, limit=1)]
    learned_at = max([*newest, *(entry.at for entry in state.journal.values())], default=None)
    old = learned_at is not None and now - learned_at > stale_after
    yield HealthLine(
        status="warn" if old else "ok",
        subject=f"agent {agent}",
        found=f"{counts}; last learned " + (f"{learned_at:%Y-%m-%d %H:%M} UTC" if learned_at else "never"),
        remedy="look with `sessions list` whether its sessions still run" if old else "",
    )
    if waiting := memory.quarantined(agent=agent, limit=ALL):
        shown = ", ".join(f"{item.id} ({item.reason})" for item in waiting[:_SHOWN])
        more = f" and {len(waiting) - _SHOWN} more" * (len(waiting) > _SHOWN)
        yield HealthLine(
            status="warn",
            subject=f"agent {agent}",
            found=f"{len(waiting)} quarantined, which the agent does not see: {shown}{more}",
            remedy="list them with `sessions memory quarantined`, let one through with `sessions memory release ID`",
        )


def _runs(settings: Settings) -> Iterator[HealthLine]:
    for home in (settings.home, interactive_home(settings.home)):
        for path in runs_to_look_at(home):
            try:
                record = read_record(path)
            except RunFolderError as error:
                yield HealthLine(status="warn", subject="run", found=str(error))
                continue
            if owes_learning(record):
                remedy = f"{_RETRY}; only that still tries, or delete {path}" if is_closed(path) else _RETRY
                yield HealthLine(status="warn", subject=f"run {record.run_id}", found=_open(record), remedy=remedy)


def _open(record: RunRecord) -> str:
    why = record.notes.get("extracted") or record.notes.get("remembered")
    return f"of {record.session}, is not learned from yet" + (f": {why}" if why else "")


def _conversations(settings: Settings) -> Iterator[HealthLine]:
    quiet = settings.interactive_quiet_seconds
    for path in conversations(settings.home):
        try:
            conversation = read_conversation_file(path)
            if not conversation.has_news or not is_over(path, now=time.time(), quiet_seconds=quiet):
                continue
            fresh = conversation.unlearned(read_conversation(conversation.transcript))
        except RunFolderError as error:
            yield HealthLine(status="warn", subject="conversation", found=str(error))
            continue
        if any(said.entry.kind == "prompt" for said in fresh):
            subject = f"conversation {conversation.session_id}"
            yield HealthLine(status="warn", subject=subject, found="is over and not learned from yet", remedy=_RETRY)
