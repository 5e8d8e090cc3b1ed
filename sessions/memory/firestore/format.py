"""What a database says of itself: which version of this program wrote it, and which embedder its vectors are of."""

from sessions.memory.embedder import Embedder
from sessions.memory.firestore.connection import Attempt
from sessions.memory.firestore.rooms import Rooms
from sessions.memory.firestore.sentences import Place

#: The newest format that this program knows.
VERSION = 1
#: Numbers that a vector can have in Firestore.
MAX_DIMENSIONS = 2_048


def require_format(rooms: Rooms, place: Place, attempt: Attempt) -> bool:
    """See that this program knows the database's format; False if the database is new.

    Raises:
        MemoryStoreError: it is of a newer version.
    """
    found = attempt.fetch(rooms.format)
    if found.exists and found.get("version") > VERSION:
        raise place.error(
            f"the memory {place.url} was written by a newer version of this program (format {found.get('version')}, "
            f"known here up to {VERSION}); upgrade this program; the memory was left as it is"
        )
    return bool(found.exists)


def claim_format(rooms: Rooms, attempt: Attempt) -> None:
    """Make a new database one of this format."""
    if not attempt.fetch(rooms.format).exists:
        attempt.create(rooms.format, {"version": VERSION})


def embedder_of(rooms: Rooms, attempt: Attempt) -> str:
    """The name of the embedder that the vectors are of; empty while there are none."""
    found = attempt.fetch(rooms.embedder)
    return str(found.get("name")) if found.exists else ""


def require_embedder(rooms: Rooms, place: Place, embedder: Embedder, attempt: Attempt) -> bool:
    """See that the vectors are of this embedder, or of none yet: then it is False.

    Raises:
        MemoryStoreError: they are of another, or its vectors are too long.
    """
    require_dimensions(place, embedder)
    built_with = embedder_of(rooms, attempt)
    if built_with not in ("", embedder.name):
        raise place.error(
            f"the memory {place.url} was built with the embedder {built_with!r}, and this program is set to "
            f"{embedder.name!r}; their vectors cannot be mixed: set SESSIONS_MEMORY_EMBEDDER back, or run "
            "`sessions memory reindex`"
        )
    return bool(built_with)


def require_dimensions(place: Place, embedder: Embedder) -> None:
    """See that Firestore takes vectors of this embedder.

    Raises:
        MemoryStoreError: they have too many numbers.
    """
    if embedder.dimensions > MAX_DIMENSIONS:
        raise place.error(
            f"Firestore takes vectors of {MAX_DIMENSIONS} numbers at most, and those of the embedder "
            f"{embedder.name!r} have {embedder.dimensions}; choose one with fewer"
        )


def claim_embedder(rooms: Rooms, attempt: Attempt, name: str) -> None:
    """Note that from now on the vectors are of this embedder."""
    attempt.set(rooms.embedder, {"name": name})
