"""Where a memory is, told without opening it: a memory that cannot be opened has a place too."""

import sqlite3
from contextlib import closing
from pathlib import Path

from pydantic import BaseModel

from sessions.memory.schema import version_of

_SQLITE = "sqlite:///"


class Place(BaseModel, frozen=True):
    """Where a memory is. `size_bytes` and `version`, that of its format, are of a file; None where there is none."""

    where: str
    size_bytes: int | None = None
    version: int | None = None

    @property
    def is_missing_file(self) -> bool:
        """Whether it would be a file, which nothing has made yet."""
        return Path(self.where).is_absolute() and self.size_bytes is None


def place_of(url: str) -> Place:
    """Where the memory at `url` is. Nothing is made or changed."""
    if not url.startswith(_SQLITE):
        return Place(where=url)
    path = Path(url.removeprefix(_SQLITE)).expanduser()
    try:
        size = path.stat().st_size
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return Place(where=str(path), size_bytes=size, version=version_of(connection))
    except FileNotFoundError:
        return Place(where=str(path))
    except (OSError, sqlite3.Error):
        # Opening it says what is wrong, and in a sentence.
        return Place(where=str(path), size_bytes=0)
