"""Searches files by a regular expression. Run as a program of its own, so that a pattern that never ends can be ended.

Standard library only: `python -I grep.py` with the question as JSON in the first argument, answer on standard output.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST_LINES = 500
LINE_CHARACTERS = 500
_BINARY_SAMPLE = 4096


def main() -> int:
    """Search, print, and say 1 if nothing was found or 2 if the pattern is malformed."""
    asked = json.loads(sys.argv[1])
    try:
        pattern = re.compile(asked["pattern"], re.IGNORECASE if asked["ignore_case"] else 0)
    except re.error as error:
        sys.stdout.write(f"The pattern is not a regular expression: {error}.\n")
        return 2
    printed = 0
    for line in _answers(pattern, asked):
        if printed == MOST_LINES:
            sys.stdout.write(f"[more than {MOST_LINES} lines; narrow the search]\n")
            break
        sys.stdout.write(line[:LINE_CHARACTERS] + "\n")
        printed += 1
    return 0 if printed else 1


def _answers(pattern: re.Pattern[str], asked: dict[str, Any]) -> Iterator[str]:
    root = Path(asked["root"])
    for path in _files(Path(asked["path"]), asked["glob"]):
        hits = list(_hits(pattern, path))
        name = path.relative_to(root).as_posix()
        if hits and asked["output_mode"] == "files_with_matches":
            yield name
        elif hits and asked["output_mode"] == "count":
            yield f"{name}:{len(hits)}"
        else:
            yield from (f"{name}{f':{number}' * asked['line_numbers']}:{line}" for number, line in hits)


def _files(start: Path, glob: str) -> Iterator[Path]:
    """Regular files from `start` on; links are not followed, so that none leads out."""
    if start.is_file():
        yield start
        return
    for folder, folders, names in os.walk(start):
        folders[:] = sorted(name for name in folders if name != ".git")
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink() and (not glob or path.match(glob)):
                yield path


def _hits(pattern: re.Pattern[str], path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open("rb") as file:
            if b"\0" in file.read(_BINARY_SAMPLE):
                return
            file.seek(0)
            for number, raw in enumerate(file, 1):
                line = raw.decode("utf-8", errors="replace").rstrip("\r\n")
                if pattern.search(line):
                    yield number, line
    except OSError:
        return


if __name__ == "__main__":
    sys.exit(main())
