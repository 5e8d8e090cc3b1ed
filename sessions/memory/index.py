"""What makes an observation findable in a memory file: its row, its words, its tokens, its vector."""

import sqlite3

from sessions.memory.embedder import Embedded
from sessions.memory.rows import OBSERVATION_FIELDS, observation_row
from sessions.memory.things import Observation
from sessions.memory.vectors import write_vector
from sessions.memory.words import make_words


def index_observation(connection: sqlite3.Connection, observation: Observation, embedded: Embedded) -> None:
    """Put a new observation into every index. Call it in a transaction, after the log knows its agent."""
    agent = observation.agent
    slot = _next_slot(connection, agent)
    marks = ", ".join("?" * len(row := observation_row(observation)))
    cursor = connection.execute(
        f"INSERT INTO observations (slot, {OBSERVATION_FIELDS}) VALUES (?, {marks})",  # noqa: S608
        (slot, *row),
    )
    connection.execute(
        f"INSERT INTO {make_words(connection, agent)} (rowid, text, quote, context) "  # noqa: S608
        "SELECT seq, text, quote, context FROM observations WHERE seq = ?",
        (cursor.lastrowid,),
    )
    count_tokens(connection, agent=agent, embedded=embedded)
    write_vector(connection, agent=agent, slot=slot, vector=embedded.vector)


def count_tokens(connection: sqlite3.Connection, *, agent: str, embedded: Embedded) -> None:
    """Count the tokens of one more observation of the agent."""
    connection.executemany(
        "INSERT INTO tokens VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET documents = documents + 1",
        ((agent, token) for token in sorted(set(embedded.tokens))),
    )


def learned(connection: sqlite3.Connection, agent: str) -> int:
    """How many observations the agent ever had."""
    row = connection.execute("SELECT observations FROM agents WHERE name = ?", (agent,)).fetchone()
    return int(row[0]) if row else 0


def _next_slot(connection: sqlite3.Connection, agent: str) -> int:
    """The agent's next free slot, counted as taken."""
    connection.execute("UPDATE agents SET observations = observations + 1 WHERE name = ?", (agent,))
    return learned(connection, agent) - 1


def indexed_text(observation: Observation) -> str:
    """What is embedded: the text, the words it came from, and the turn before them, as the word index has them."""
    return joined(observation.text, observation.quote, observation.context)


def joined(*parts: str) -> str:
    """Those of the parts that say something, a line each."""
    return "\n".join(part for part in parts if part)
