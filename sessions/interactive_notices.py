"""What a person hears first in a conversation: how the agent's scheduled sessions go, and what is not learned from."""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby, islice
from pathlib import Path

from pydantic import BaseModel

from sessions.context import Candidate, Occasion
from sessions.context.lines import Lines
from sessions.context.quoting import ShortIds, as_data
from sessions.errors import RunFolderError
from sessions.interactive import Conversation, conversations, read_conversation_file
from sessions.interactive_learning import open_parts
from sessions.interactive_transcript import read_conversation
from sessions.past_runs import PastRun
from sessions.settings import Settings
from sessions.signals import Signal, cost_trend, failing_streak

TITLE = "What happened without you"
MOST = 8
#: A session that has not run for so long is over.
_GOES_ON = timedelta(days=14)
#: Learning in the background takes a minute. What waits for longer waits for somebody.
_BACKGROUND_SECONDS = 3600.0
_WHY = 300
#: A conversation may be long, and a person waits for this.
_MOST_READ = 50


class Notice(BaseModel, frozen=True):
    """One line of the context, and its place in the manifest. `for_person` is what Claude Code shows to the person."""

    candidate: Candidate
    line: str
    for_person: str = ""


def notices(runs: Sequence[PastRun], occasion: Occasion, settings: Settings) -> list[Notice]:
    """What is to be heard, what to act on first; at most MOST.

    Args:
        runs: the agent's scheduled ones, newest first.
        occasion: the conversation that begins.
        settings: where the conversations are.
    """
    lines = Lines(occasion, ShortIds(run.run_id for run in runs))
    signals = sorted(_signals(runs, occasion.now), key=lambda signal: not signal.flagged)
    return [*_unlearned(settings), *(_of_signal(signal, lines) for signal in signals)][:MOST]


def _signals(runs: Sequence[PastRun], now: datetime) -> Iterator[Signal]:
    """Of each session by itself: one that goes well does not end the streak of another."""
    by_session = sorted(runs, key=lambda run: run.session)
    for session, of_session in groupby(by_session, key=lambda run: run.session):
        own = list(of_session)
        found = (failing_streak(own), cost_trend(own)) if now - own[0].slot_at < _GOES_ON else ()
        yield from (each.model_copy(update={"name": f"{session}, {each.name}"}) for each in found if each)


def _of_signal(signal: Signal, lines: Lines) -> Notice:
    candidate = Candidate(id=signal.name, kind="signal", section=TITLE, why="computed of the agent's scheduled session")
    return Notice(candidate=candidate, line=lines.signal(signal))


def _unlearned(settings: Settings) -> Iterator[Notice]:
    """Each reason once, with how many conversations wait for it."""
    whys = [*_failed(settings.home), *_left(settings)]
    for why in dict.fromkeys(whys):
        count = whys.count(why)
        waiting = "1 part of a conversation is" if count == 1 else f"{count} parts of conversations are"
        said = f"{waiting} not learned from yet"
        yield Notice(
            candidate=Candidate(id="not learned", kind="signal", section=TITLE, why="computed of the conversations"),
            line=f"- ⚠ STALE: {said}: {as_data(why, _WHY)}. Tell the person; `sessions memory retry` tries again.",
            for_person=f"sessions: {said}: {why}; mend that and run `sessions memory retry`",
        )


def _failed(home: Path) -> Iterator[str]:
    """Why parts of conversations could not be learned from when it was tried last."""
    try:
        for record in open_parts(home):
            yield from list(record.notes.values())[:1]
    except RunFolderError as error:
        yield str(error)


def _left(settings: Settings) -> Iterator[str]:
    """Conversations that nothing has tried to learn from, though they have been over for long."""
    quiet = max(settings.interactive_quiet_seconds, _BACKGROUND_SECONDS)
    for path in islice(conversations(settings.home), _MOST_READ):
        try:
            conversation = read_conversation_file(path)
            if _is_quiet(conversation, quiet) and _asks_something(conversation):
                yield "nothing has tried to, as where the machine was switched off"
        except RunFolderError as error:
            yield str(error)


def _is_quiet(conversation: Conversation, seconds: float) -> bool:
    return conversation.has_news and time.time() - conversation.transcript.stat().st_mtime > seconds


def _asks_something(conversation: Conversation) -> bool:
    fresh = conversation.unlearned(read_conversation(conversation.transcript))
    return any(said.entry.kind == "prompt" for said in fresh)
