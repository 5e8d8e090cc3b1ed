"""A memory as JSON Lines, one change a line: from any store into any other."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from pydantic import BaseModel, ValidationError

from sessions.errors import MemoryStoreError
from sessions.memory.base import Applied, Memory
from sessions.memory.changes import CHANGE, Change, as_json

#: How many changes are applied at a time, and how many characters their lines have together at most. A lot has to be
#: stored within the 10 s that Firestore is given. Measured on its emulator, which goes through all documents to find
#: an id: of 3,000 observations the slowest lot of 50 takes 2.0 s, of 200 it takes 5.9 s, and 16 s on a busy machine.
BATCH = 50
BATCH_CHARACTERS = 8_000_000
#: JSON lets them stand as they are, and some readers take them for the end of a line.
_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}


class Imported(BaseModel, frozen=True):
    """What became of lines: how many changes are new and were known, by id which are void, by number which are bad."""

    new: int = 0
    known: int = 0
    void: dict[str, str] = {}
    bad: dict[int, str] = {}


class _Line(BaseModel, frozen=True):
    number: int
    length: int
    change: Change | None = None
    fault: str = ""


def _more(done: Imported, batch: Sequence[_Line], applied: Applied) -> Imported:
    return Imported(
        new=done.new + len(applied.new),
        known=done.known + len(applied.known),
        void=done.void | applied.void,
        bad=done.bad | {line.number: line.fault for line in batch if line.fault},
    )


def export_changes(memory: Memory, file: TextIO, agent: str | None = None) -> int:
    """Write the log to `file`, oldest first; how many changes that is.

    Args:
        memory: whose.
        file: open for writing, as UTF-8.
        agent: only this one's changes; of all agents without it.

    Raises:
        MemoryStoreError: the memory cannot be read.
    """
    count = 0
    for change in memory.changes(agent=agent):
        file.write(as_json(change).translate(_LINE_ENDS) + "\n")
        count += 1
    return count


def import_changes(memory: Memory, lines: Iterable[str | bytes]) -> Imported:
    """Apply the changes in `lines`, in their order; the same lines again change nothing.

    Lines that hold no change are left out and named by their number, from 1. The others are stored some at a time, of
    which each lot is stored whole or not at all.

    Raises:
        MemoryStoreError: the memory cannot be written; it says how much was stored by then. Importing again goes on.
    """
    done = Imported()
    try:
        for batch in _batches(_read(lines)):
            done = _more(done, batch, memory.apply([line.change for line in batch if line.change]))
    except MemoryStoreError as error:
        if not (done.new or done.known):
            raise
        raise MemoryStoreError(
            f"{error}. {done.new} changes that came before are stored by now; import the same again to go on",
            url=error.url,
        ) from error
    return done


def _read(lines: Iterable[str | bytes]) -> Iterator[_Line]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _read_one(number, line)


def _read_one(number: int, line: str | bytes) -> _Line:
    try:
        return _Line(number=number, length=len(line), change=CHANGE.validate_json(line))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return _Line(number=number, length=len(line), fault=f"{where}: {first['msg']}" if where else first["msg"])


def _batches(lines: Iterable[_Line]) -> Iterator[list[_Line]]:
    batch: list[_Line] = []
    for line in lines:
        batch.append(line)
        if len(batch) == BATCH or sum(each.length for each in batch) >= BATCH_CHARACTERS:
            yield batch
            batch = []
    if batch:
        yield batch
