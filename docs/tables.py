"""Markdown tables, and values as they stand in them."""

import json
from collections.abc import Iterable, Sequence

EMPTY = "empty"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a pipe or a line break in a cell does not break it."""
    lines = [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def code(text: str) -> str:
    """`text` as code."""
    return f"`{text}`"


def value(default: object) -> str:
    """A default as a person would write it in YAML."""
    if default in ("", None):
        return EMPTY
    return code(default if isinstance(default, str) else json.dumps(default))
