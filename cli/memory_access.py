"""What the commands of `sessions memory` have in common: the store of this environment, and their options."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

if TYPE_CHECKING:
    from sessions.corrections import Author
    from sessions.memory.base import Memory

#: As much of an id as is shown, which is mostly enough to type it.
_SHORT = 8
_UUID_LENGTH = 36
Id = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="An id, or as much of its beginning as only one has; or KIND:NAME, as vital:focus."
    ),
]
Agent = Annotated[str, typer.Option(help="Whose memory.")]
AnyAgent = Annotated[str, typer.Option("--agent", help="Only in the memory of this agent.")]
AsOf = Annotated[
    str, typer.Option(metavar="TIME", help="What was known at this moment, such as 2026-11-20T09:00; UTC if not said.")
]
Reason = Annotated[str, typer.Option(help="Why; it stays in the history.")]
Tag = Annotated[str, typer.Option(metavar="TAG", help="discuss, solo or experiment.")]


@contextmanager
def opened(*, make: bool = False) -> Iterator["Memory"]:
    """The memory that SESSIONS_MEMORY_URL names, while the block runs.

    Args:
        make: a file that is not there is made. To read one made a moment ago says nothing, and hides a mistyped URL.

    Raises:
        MemoryStoreError: it is not there, or cannot be opened.
        SettingsError: a setting cannot be used.
    """
    from sessions.memory import open_memory  # noqa: PLC0415
    from sessions.settings import read_settings  # noqa: PLC0415

    address = read_settings().memory_address
    if not make:
        _require_there(address)
    with open_memory(address) as memory:
        yield memory


def _require_there(address: str) -> None:
    from sessions.errors import MemoryStoreError  # noqa: PLC0415
    from sessions.memory.place import place_of  # noqa: PLC0415

    place = place_of(address)
    if place.is_missing_file:
        raise MemoryStoreError(
            f"there is no memory at {place.where}; the first run makes one, or SESSIONS_MEMORY_URL names another place",
            url=address,
        )


def moment_of(text: str) -> datetime | None:
    """The moment that `--as-of` gives; None where it was not given.

    Raises:
        SpecError: it is none.
    """
    from sessions.schedule import parse_at  # noqa: PLC0415 - imports the describer of schedules

    return parse_at(text) if text else None


def agent_name(text: str) -> str:
    """The agent that an option names.

    Raises:
        BadParameter: no agent can be called so.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    from sessions.parameters import AgentName  # noqa: PLC0415

    try:
        return str(TypeAdapter(AgentName).validate_python(text))
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"], param_hint="--agent") from error


def by_hand() -> "Author":
    """The person who types the command, now."""
    from sessions.corrections import Author  # noqa: PLC0415

    return Author.by_hand(uuid4(), datetime.now(UTC))


def short(id_: str) -> str:
    """As much of an id as is needed to type it. One that a person gave is shown whole."""
    return id_[:_SHORT] if len(id_) == _UUID_LENGTH else id_


def one_line(text: str) -> str:
    """`text` on one line, without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))
