"""A small run of an agent, and answers of the extraction model about it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sessions.extraction import Keeping
from sessions.extraction_answer import Extracted
from sessions.extraction_prompt import KnownMemories
from sessions.learned import Learned, Who
from sessions.memory.changes import Change
from sessions.memory.things import Belief, Origin, Source
from sessions.models import Usage
from sessions.offline import Script
from sessions.redaction import Redactor
from sessions.runners.base import AgentRun, Stop
from sessions.transcript import Entry
from tests.fakes.observations import an_observation

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WHO = Who(run="r1", agent="main", session="doors", now=NOON + timedelta(minutes=2))
JOURNAL = {"theme": "Doors", "built": "", "noticed": "green", "changed": "", "assumptions": "", "next": "windows"}


def said(kind: str, text: str, **fields: object) -> Entry:
    """One entry of a transcript."""
    return Entry.model_validate({"kind": kind, "at": NOON, "turn": 1, "text": text} | fields)


def fetched(text: str) -> Entry:
    """What a web page said."""
    return said("tool_result", text, tool="WebFetch", tool_call_id="w")


ENTRIES = (
    said("prompt", "Look at the door. I prefer green doors.", turn=0),
    said("tool_call", "", tool="Bash", tool_call_id="1", arguments={"command": "cat door.txt"}),
    said("tool_result", "It is\n  green.", tool="Bash", tool_call_id="1", at=NOON + timedelta(seconds=5)),
    fetched("Doors are red, says the web."),
    said("text", "The door is green.", turn=2),
)


def a_run(entries: Sequence[Entry] = ENTRIES, **fields: object) -> AgentRun:
    """What an agent did that said `entries`."""
    given = {
        "stop": Stop.FINISHED,
        "final_text": "",
        "error": "",
        "transcript": tuple(entries),
        "turns": 2,
        "usage": Usage(),
        "cost_usd": 0.0,
        "denials": (),
        "agent_session_id": "s",
        "started_at": NOON,
        "ended_at": NOON + timedelta(minutes=1),
    }
    return AgentRun.model_validate(given | fields)


def observed(quote: str, text: str = "The door is green.", action: str = "ADD", **fields: object) -> dict[str, object]:
    """One observation of an answer."""
    return {"action": action, "kind": "fact", "text": text, "quote": quote, "importance": 0.5} | fields


def believed(quote: str, action: str = "BELIEVE", **fields: object) -> dict[str, object]:
    """One belief of an answer."""
    return {"action": action, "quote": quote} | fields


def thread(quote: str, action: str = "OPEN", **fields: object) -> dict[str, object]:
    """One thread of an answer."""
    return {"action": action, "quote": quote} | fields


def an_answer(*observations: dict[str, object], **parts: object) -> dict[str, Any]:
    """A whole answer."""
    return {"observations": observations, "journal": JOURNAL} | parts


def answers(*observations: dict[str, object], parts: dict[str, object] | None = None, **answer: object) -> Script:
    """A model that gives this answer; `parts` are its beliefs, threads and journal."""
    # As a template is read, two braces in a row would begin an expression.
    text = json.dumps(an_answer(*observations, **(parts or {})), indent=1)
    return Script.model_validate({"rules": [{"answer": {"blocks": [{"text": text}], **answer}}]})


def kept_of(
    answer: dict[str, Any] | None,
    entries: Sequence[Entry] = ENTRIES,
    known: KnownMemories | None = None,
    written: Sequence[Change] = (),
    who: Who = WHO,
) -> Learned:
    """What is kept of an answer about a run."""
    given = Extracted.model_validate(answer) if answer else None
    return Keeping(a_run(entries), known or KnownMemories(), who, Redactor({})).keep(given, written)


def a_belief(id_: str, text: str, **fields: object) -> Belief:
    """A belief that is held since the run before."""
    given_ = {"id": id_, "text": text, "confidence": 0.5, "run": "r0", "created_at": NOON, "changed_at": NOON}
    return Belief.model_validate(given_ | fields)


def known(*texts: str, origin: Origin = "agent", **parts: Any) -> KnownMemories:  # noqa: ANN401
    """What the extraction is shown: observations with these texts, `o1` first, and other parts."""
    source = Source(run="r0", origin=origin)
    found = tuple(an_observation(number, text, source=source) for number, text in enumerate(texts, 1))
    return KnownMemories(observations=found, **parts)


def whys(learned: Learned) -> list[str]:
    """Why what was left out was."""
    return [each.why for each in learned.left_out]
