"""Made-up observations and journal entries."""

from datetime import UTC, datetime, timedelta

from sessions.memory.base import JournalEntry, Observation, Source

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


def an_observation(number: int, text: str = "", **fields: object) -> Observation:
    """Observation `o<number>`, learned `number` minutes after midnight."""
    learned_at = MIDNIGHT + timedelta(minutes=number)
    given = {
        "id": f"o{number}",
        "agent": "main",
        "text": text or f"Observation number {number}.",
        "event_at": learned_at,
        "created_at": learned_at,
        "source": Source(run="run-1", span="turn-3", origin="tool"),
    }
    return Observation.model_validate(given | fields)


def an_entry(number: int, **fields: object) -> JournalEntry:
    """The journal entry of `run-<number>`, written `number` minutes after midnight."""
    given = {
        "id": f"run-{number}",
        "agent": "main",
        "session": "nightly-code-health",
        "at": MIDNIGHT + timedelta(minutes=number),
        "theme": f"Night {number}",
    }
    return JournalEntry.model_validate(given | fields)
