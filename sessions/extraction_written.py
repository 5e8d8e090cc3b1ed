"""Looks at what an agent wrote to its memory itself, by its tools, before it is applied.

An agent that read a page may say what the page told it to, and one with a shell can reach the file itself.
"""

from datetime import datetime

from sessions.extraction_evidence import WHOSE, Evidence, NotKeptError
from sessions.learned import Who, said_by
from sessions.memory.changes import Change, FadeBelief, OpenThread, Strengthen, WriteJournal

#: All fields of a journal entry together.
WRITTEN_CHARACTERS = 8_000


def checked_writing(change: Change, evidence: Evidence, who: Who, *, began_at: datetime) -> Change:
    """The change as it may be applied.

    Args:
        change: what the agent wrote.
        evidence: the run's transcript.
        who: whose run it is; nothing can be written in another's name.
        began_at: when the agent started. A change from before, or from the future, is dated now.

    Raises:
        NotKeptError: it is too long, must not be shown to an agent, or moves a belief with words that are not the
            agent's own.
    """
    said = said_by(change)
    if len(said) > WRITTEN_CHARACTERS:
        raise NotKeptError(f"it is longer than {WRITTEN_CHARACTERS} characters")
    origin = evidence.origin(said) if said else "agent"
    origin = "agent" if origin == "owner" else origin
    evidence.require_shown(*said.split("\n"), said, origin="agent")
    if _moves_a_belief(change) and origin != "agent":
        raise NotKeptError(f"it rests on words of {WHOSE[origin]}")
    at = change.at if began_at <= change.at <= who.now else who.now
    fresh: dict[str, object] = {"origin": origin, "at": at}
    if isinstance(change, WriteJournal):
        fresh["entry"] = change.entry.model_copy(update={"id": who.run, "agent": who.agent, "session": who.session})
    if isinstance(change, OpenThread) and origin == "web":
        fresh["tag"] = "discuss"  # whether to do what a page suggests is for a person to say
    return change.model_copy(update=fresh)


def _moves_a_belief(change: Change) -> bool:
    return isinstance(change, Strengthen | FadeBelief)
