"""Looks at what an agent wrote to its memory itself, by its tools, before it is applied.

An agent that read a page may say what the page told it to, and one with a shell can reach the file itself.
"""

from collections.abc import Collection
from datetime import datetime

from sessions.extraction_evidence import WHOSE, Evidence, NotKeptError
from sessions.learned import Who, said_by
from sessions.memory.changes import Change, CloseThread, FadeBelief, OpenThread, SetVital, Strengthen, WriteJournal
from sessions.memory.things import Origin

#: All fields of a journal entry together.
WRITTEN_CHARACTERS = 8_000


def checked_writing(
    change: Change, evidence: Evidence, who: Who, *, began_at: datetime, own_threads: Collection[str] = ()
) -> Change:
    """The change as it may be applied; a vital in words of a tool or a page is not flagged any more.

    Args:
        change: what the agent wrote.
        evidence: the run's transcript.
        who: whose run it is; nothing can be written in another's name.
        began_at: when the agent started. A change from before, or from the future, is dated now.
        own_threads: those that the same run opened.

    Raises:
        NotKeptError: it is too long, takes out what was set, must not be shown to an agent, moves a belief with words
            that are not the agent's own, or closes an earlier run's thread with those of a page.
    """
    said = said_by(change)
    if getattr(change, "faded", ""):
        raise NotKeptError("only a person takes out what was set")
    if len(said) > WRITTEN_CHARACTERS:
        raise NotKeptError(f"it is longer than {WRITTEN_CHARACTERS} characters")
    origin = evidence.origin(said) if said else "agent"
    origin = "agent" if origin == "owner" else origin
    evidence.require_shown(*said.split("\n"), said, origin="agent")
    _require_words_of_its_own(change, origin, own_threads)
    at = change.at if began_at <= change.at <= who.now else who.now
    fresh: dict[str, object] = {"origin": origin, "at": at, "span": evidence.span_of_writing(said, change.quote)}
    if isinstance(change, WriteJournal):
        fresh["entry"] = change.entry.model_copy(update={"id": who.run, "agent": who.agent, "session": who.session})
    if isinstance(change, OpenThread) and origin == "web":
        fresh["tag"] = "discuss"  # whether to do what a page suggests is for a person to say
    if isinstance(change, SetVital) and origin != "agent":
        fresh["flagged"] = False  # a stranger does not say what the next session is to act on first
    return change.model_copy(update=fresh)


def _require_words_of_its_own(change: Change, origin: Origin, own_threads: Collection[str]) -> None:
    moves_a_belief = isinstance(change, Strengthen | FadeBelief) and origin != "agent"
    closes_anothers = isinstance(change, CloseThread) and origin == "web" and change.thread not in own_threads
    if moves_a_belief or closes_anothers:
        raise NotKeptError(f"it rests on words of {WHOSE[origin]}")


def flag_left_out(change: Change, checked: Change) -> str:
    """Why a vital is not flagged any more after the check, in a clause; empty if it is as flagged as it was."""
    if isinstance(change, SetVital) and isinstance(checked, SetVital) and change.flagged and not checked.flagged:
        return f"it rests on words of {WHOSE[checked.origin]}; the vital is kept without a flag"
    return ""
