"""Observations out of a memory file, as they stand now or stood at a time."""

import sqlite3
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sessions.memory.rows import OBSERVATION_FIELDS, ids_cell, moment_cell, observation_from
from sessions.memory.things import Observation

_LAST = "SELECT t.status FROM transitions t WHERE t.observation = o.seq AND t.at <= ? ORDER BY t.change DESC LIMIT 1"


class Active(NamedTuple):
    """A condition on observations `o`, and its parameters."""

    condition: str
    parameters: tuple[str, ...]


def active_at(as_of: datetime | None) -> Active:
    """Which observations are active; with a time, which were then."""
    if as_of is None:
        return Active("o.status = 'active'", ())
    moment = moment_cell(as_of)
    return Active(f"o.created_at <= ? AND ({_LAST}) = 'active'", (moment, moment))


def select_active(
    connection: sqlite3.Connection, *, agent: str, limit: int, as_of: datetime | None
) -> list[Observation]:
    """The newest that are active, newest first."""
    active = active_at(as_of)
    rows = connection.execute(
        f"SELECT {OBSERVATION_FIELDS} FROM observations o WHERE agent = ? AND {active.condition} "  # noqa: S608
        "ORDER BY created_at DESC, seq DESC LIMIT ?",
        (agent, *active.parameters, limit),
    )
    return [_as_of(observation_from(row), as_of) for row in rows]


def count_active(connection: sqlite3.Connection, *, agent: str, as_of: datetime | None) -> int:
    """How many are active."""
    active = active_at(as_of)
    query = f"SELECT count(*) FROM observations o WHERE agent = ? AND {active.condition}"  # noqa: S608
    return int(connection.execute(query, (agent, *active.parameters)).fetchone()[0])


def select_found(connection: sqlite3.Connection, seqs: Collection[int], as_of: datetime | None) -> list[Observation]:
    """Those at these places, in this order, which a search found active."""
    query = f"SELECT {OBSERVATION_FIELDS} FROM observations WHERE seq = ?"  # noqa: S608
    return [_as_of(observation_from(connection.execute(query, (seq,)).fetchone()), as_of) for seq in seqs]


def select_by_ids(connection: sqlite3.Connection, ids: Collection[str]) -> list[Observation]:
    """Those of these ids, whatever their status, in the order they were added."""
    rows = connection.execute(
        f"SELECT {OBSERVATION_FIELDS} FROM observations WHERE id IN (SELECT value FROM json_each(?)) ORDER BY seq",  # noqa: S608
        (ids_cell(ids),),
    )
    return [observation_from(row) for row in rows]


def select_quarantined(connection: sqlite3.Connection, *, agent: str, limit: int) -> list[Observation]:
    """The newest that only a person may see, newest first."""
    rows = connection.execute(
        f"SELECT {OBSERVATION_FIELDS} FROM observations WHERE agent = ? AND status = 'quarantined' "  # noqa: S608
        "ORDER BY created_at DESC, seq DESC LIMIT ?",
        (agent, limit),
    )
    return [observation_from(row) for row in rows]


def _as_of(active: Observation, as_of: datetime | None) -> Observation:
    """As it stood then: it was active, whatever it is by now."""
    return active if as_of is None else active.model_copy(update={"status": "active", "reason": ""})
