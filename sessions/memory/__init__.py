"""What agents remember. `open_memory` opens the store that a URL names."""

import re
from pathlib import Path

from sessions.errors import MemoryStoreError
from sessions.memory.base import Memory
from sessions.settings import read_settings

SQLITE = "sqlite:///"
FIRESTORE = "firestore://"
_FIRESTORE_URL = re.compile(r"firestore://(?P<project>[A-Za-z0-9.:-]+)/(?P<database>\(default\)|[a-z0-9-]+)/?")


def open_memory(url: str) -> Memory:
    """Open the memory at `url`, and create it if there is none.

    Args:
        url: `sqlite:///` and an absolute path (so four slashes on Linux and macOS), or `sqlite:///~/` and the rest;
            or `firestore://PROJECT/DATABASE`, of a database that exists.

    Raises:
        MemoryStoreError: the URL names no kind of memory, or what it names cannot be opened.
        SettingsError: SESSIONS_MEMORY_EMBEDDER or FIRESTORE_EMULATOR_HOST cannot be used.
    """
    if url.startswith(FIRESTORE):
        return _open_firestore(url)
    if not url.startswith(SQLITE):
        raise MemoryStoreError(
            f"{_shown(url)} names no memory; write sqlite:///PATH with an absolute path in SESSIONS_MEMORY_URL, or "
            "firestore://PROJECT/DATABASE",
            url=_shown(url),
        )
    path = _absolute(url)
    # numpy comes with it: paid only by who opens a memory.
    from sessions.memory.embedder import open_embedder  # noqa: PLC0415
    from sessions.memory.sqlite import SqliteMemory  # noqa: PLC0415

    return SqliteMemory(path, embedder=open_embedder(read_settings()))


def _open_firestore(url: str) -> Memory:
    named = _FIRESTORE_URL.fullmatch(url)
    if not named:
        raise MemoryStoreError(
            f"{url!r}: the memory needs a project and a database, such as firestore://my-project/(default)", url=url
        )
    # Two seconds, paid only by who has its memory there.
    from sessions.memory.embedder import open_embedder  # noqa: PLC0415
    from sessions.memory.firestore import FirestoreMemory, Place  # noqa: PLC0415

    settings = read_settings()
    place = Place(named["project"], named["database"], settings.firestore_emulator_host)
    return FirestoreMemory(place, embedder=open_embedder(settings))


def _absolute(url: str) -> Path:
    written = url.removeprefix(SQLITE)
    path = Path.home() / written[2:] if written.startswith("~/") else Path(written)
    if not path.is_absolute() or "\0" in written:
        raise MemoryStoreError(
            f"{url!r}: the memory needs an absolute path, such as {SQLITE}/var/lib/sessions/memory.sqlite3", url=url
        )
    return path


def _shown(url: str) -> str:
    # What follows the scheme of another kind of store may hold a password.
    scheme, colon, _ = url.partition("://")
    return f"{scheme}://…" if colon else repr(url[:80])


def preload() -> None:
    """Load what the first search would load, for a process that has time to wait now and none later."""
    import sessions.memory.sqlite  # noqa: F401, PLC0415
    from sessions.memory.embedder import open_embedder  # noqa: PLC0415

    open_embedder(read_settings()).preload()
