"""The log of changes in a memory file: writing it, reading it, and what a plan has to know of it."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from sessions.memory.changes import CHANGE, Change, Op, Revert, subject_of
from sessions.memory.rows import ids_cell, moment_cell
from sessions.memory.statuses import StatusHistory, Step, Transition, bears_on_status, reason_of, rests_on, step_of

#: How many changes are read at a time: a log can be longer than what should be in memory.
PAGE = 500
#: What bears on the status of an observation, as `sessions.memory.statuses.step_of` takes it.
STEPS = "('add', 'supersede', 'fade', 'release')"


def append(connection: sqlite3.Connection, change: Change) -> None:
    """Write one change at the end of the log."""
    connection.execute("INSERT OR IGNORE INTO agents (name) VALUES (?)", (change.agent,))
    connection.execute(
        "INSERT INTO changes (id, agent, run, op, at, subject, json) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            change.id,
            change.agent,
            change.run,
            change.op,
            moment_cell(change.at),
            subject_of(change),
            change.model_dump_json(),
        ),
    )


def link(connection: sqlite3.Connection, change: Change) -> None:
    """Note on what the observation rests that the change is about; both are there by now."""
    connection.executemany(
        "INSERT OR IGNORE INTO rests SELECT ?, seq FROM observations WHERE id = ?",
        ((on_id, subject_of(change)) for on_id in rests_on(change)),
    )


def write_transitions(connection: sqlite3.Connection, transitions: Iterable[tuple[str, Transition]]) -> None:
    """Note which status observations have from now on."""
    for observation, given in transitions:
        connection.execute(
            """INSERT INTO transitions SELECT o.seq, c.seq, ?, ?, ? FROM observations o, changes c
            WHERE o.id = ? AND c.id = ?""",
            (moment_cell(given.at), given.status, given.reason, observation, given.change),
        )
        connection.execute(
            "UPDATE observations SET status = ?, reason = ? WHERE id = ?", (given.status, given.reason, observation)
        )


class Wanted(NamedTuple):
    """Which part of the log. None stands for all."""

    agent: str | None = None
    run: str | None = None
    ops: Collection[Op] | None = None
    until: datetime | None = None

    def page(self, connection: sqlite3.Connection, after: int) -> list[tuple[int, str]]:
        """The next changes after that place, at most PAGE, each with its own place."""
        conditions = {
            "agent = ?": self.agent,
            "run = ?": self.run,
            "op IN (SELECT value FROM json_each(?))": None if self.ops is None else ids_cell(self.ops),
            "at <= ?": self.until and moment_cell(self.until),
        }
        used = {condition: value for condition, value in conditions.items() if value is not None}
        rows = connection.execute(
            f"SELECT seq, json FROM changes WHERE {' AND '.join([*used, 'seq > ?'])} ORDER BY seq LIMIT {PAGE}",  # noqa: S608
            (*used.values(), after),
        )
        return rows.fetchall()


def read_state_changes(
    connection: sqlite3.Connection, *, agent: str, ops: Collection[str], until: datetime | None
) -> Iterator[Change]:
    """The agent's changes of those kinds, in order, all from one moment."""
    rows = connection.execute(
        """SELECT json FROM changes WHERE agent = ? AND op IN (SELECT value FROM json_each(?))
        AND (?3 IS NULL OR at <= ?3) ORDER BY seq""",
        (agent, ids_cell(ops), until and moment_cell(until)),
    )
    return (CHANGE.validate_json(line) for (line,) in rows)


def read_history(connection: sqlite3.Connection, observation: str) -> list[Change]:
    """What was done to the observation, in order: by name, or by taking back a run."""
    rows = connection.execute(
        """SELECT json FROM changes WHERE seq IN (
            SELECT seq FROM changes WHERE subject = ?1 AND op IN ('add', 'confirm', 'supersede', 'fade', 'release')
            UNION SELECT change FROM transitions WHERE observation = (SELECT seq FROM observations WHERE id = ?1)
        ) ORDER BY seq""",
        (observation,),
    )
    return [CHANGE.validate_json(line) for (line,) in rows]


class SqliteLog:
    """See `sessions.memory.transitions.Log`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def known(self, ids: Collection[str]) -> set[str]:
        return self._column("SELECT id FROM changes WHERE id IN (SELECT value FROM json_each(?))", ids_cell(ids))

    def histories(self, ids: Collection[str]) -> dict[str, StatusHistory]:
        rows = self._connection.execute(
            "SELECT id, agent, derived_from FROM observations WHERE id IN (SELECT value FROM json_each(?))",
            (ids_cell(ids),),
        ).fetchall()
        return {
            observation: StatusHistory(
                observation=observation,
                agent=agent,
                derived_from=json.loads(sources),
                steps=self._steps(observation),
                transitions=self._transitions(observation),
            )
            for observation, agent, sources in rows
        }

    def _steps(self, observation: str) -> tuple[Step, ...]:
        rows = self._connection.execute(
            f"SELECT json FROM changes WHERE subject = ? AND op IN {STEPS} ORDER BY seq",  # noqa: S608
            (observation,),
        )
        changes = (CHANGE.validate_json(line) for (line,) in rows)
        return tuple(step_of(change) for change in changes if bears_on_status(change))

    def _transitions(self, observation: str) -> tuple[Transition, ...]:
        rows = self._connection.execute(
            """SELECT c.id, t.at, t.status, t.reason FROM observations o JOIN transitions t ON t.observation = o.seq
            JOIN changes c ON c.seq = t.change WHERE o.id = ? ORDER BY t.change""",
            (observation,),
        )
        return tuple(
            Transition(change=change, at=at, status=status, reason=reason) for change, at, status, reason in rows
        )

    def reverted_runs(self, agent: str) -> dict[str, str]:
        found = read_state_changes(self._connection, agent=agent, ops=["revert"], until=None)
        return {change.reverted: reason_of(change) for change in found if isinstance(change, Revert)}

    def changed_by(self, agent: str, run: str) -> set[str]:
        return self._column(f"SELECT subject FROM changes WHERE agent = ? AND run = ? AND op IN {STEPS}", agent, run)  # noqa: S608

    def resting_on(self, ids: Collection[str]) -> set[str]:
        return self._column(
            """SELECT o.id FROM rests JOIN observations o ON o.seq = rests.observation
            WHERE on_id IN (SELECT value FROM json_each(?))""",
            ids_cell(ids),
        )

    def _column(self, query: str, *parameters: str) -> set[str]:
        return {value for (value,) in self._connection.execute(query, parameters)}
