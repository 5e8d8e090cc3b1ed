"""Reads what an injection looks like from `quarantine.toml`."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

SHIPPED = Path(__file__).with_name("quarantine.toml")
_LINE_BREAK = re.compile(r"\n\s*")


class Shape(BaseModel, frozen=True, arbitrary_types_allowed=True):
    """An expression that is searched for, and what is wrong with a text that it is found in."""

    reason: str
    expression: re.Pattern[str]


class QuarantineShapes(BaseModel, frozen=True):
    """`attacks` are what nobody's words may hold, `orders` what only the owner may say."""

    attacks: tuple[Shape, ...]
    orders: tuple[Shape, ...]


@cache
def quarantine_shapes() -> QuarantineShapes:
    """All shapes, read and compiled once."""
    loaded = _loaded()
    parts = {name: _LINE_BREAK.sub("", part) for name, part in loaded["parts"].items()}
    return QuarantineShapes(attacks=_compiled(loaded["attacks"], parts), orders=_compiled(loaded["orders"], parts))


@cache
def look_alikes() -> dict[int, str]:
    """Letters of other alphabets, in lower case, with the letter that each looks like: a table to translate by."""
    table: dict[str, str] = _loaded()["look_alikes"]
    return {ord(look_alike): letter for letter, all_of_it in table.items() for look_alike in all_of_it}


@cache
def _loaded() -> dict[str, Any]:
    return tomllib.loads(SHIPPED.read_text(encoding="utf-8"))


def _compiled(written: dict[str, list[str]], parts: dict[str, str]) -> tuple[Shape, ...]:
    return tuple(
        Shape(reason=reason, expression=re.compile(_whole(each, parts), re.DOTALL))
        for reason, expressions in written.items()
        for each in expressions
    )


def _whole(expression: str, parts: dict[str, str]) -> str:
    return re.sub(r"<<(\w+)>>", lambda match: parts[match[1]], _LINE_BREAK.sub("", expression))
