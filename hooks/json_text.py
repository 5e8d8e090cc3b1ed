"""Changes parts of a JSON text and leaves every other character of it as it is."""

import json
import re
from collections.abc import Iterator
from json.decoder import JSONDecodeError
from typing import NamedTuple

from pydantic import JsonValue

#: Where a value is: the names of members and the places of elements, from the outside in.
Path = tuple[str | int, ...]
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class Item(NamedTuple):
    """A member of an object or an element of an array: from `start` (its name, if it has one) to `end`."""

    key: str | int
    start: int
    value: int
    end: int


class Container(NamedTuple):
    """An object or an array: its brackets, the last one's place included, and what it holds."""

    start: int
    end: int
    items: list[Item]


def append(text: str, path: Path, value: JsonValue, *, name: str = "") -> str:
    """`text` with `value` as the last in the object or array at `path`, as a member `name` where it is an object.

    It is laid out as the rest: on lines of its own, unless its container stands on one line.
    """
    outer = _container(text, path)
    label = f"{json.dumps(name)}: " if name else ""
    if outer.items and "\n" not in text[outer.start : outer.end]:
        return _spliced(text, outer.items[-1].end, outer.items[-1].end, f", {label}{json.dumps(value)}")
    line_end = "\r\n" if "\r\n" in text else "\n"
    unit = _unit(text)
    closing = _indent_at(text, outer.start)
    inner = _indent_at(text, outer.items[-1].start) if outer.items else closing + unit
    shown = json.dumps(value, indent=unit, ensure_ascii=False).replace("\n", line_end + inner)
    if outer.items:
        return _spliced(text, outer.items[-1].end, outer.items[-1].end, f",{line_end}{inner}{label}{shown}")
    return _spliced(text, outer.start + 1, outer.end - 1, f"{line_end}{inner}{label}{shown}{line_end}{closing}")


def delete(text: str, path: Path) -> str:
    """`text` without the member or element at `path`, its comma and the space around it."""
    outer = _container(text, path[:-1])
    place = max(index for index, item in enumerate(outer.items) if item.key == path[-1])
    if len(outer.items) == 1:
        return _spliced(text, outer.start + 1, outer.end - 1, "")
    if place:
        return _spliced(text, outer.items[place - 1].end, outer.items[place].end, "")
    return _spliced(text, outer.items[0].start, outer.items[1].start, "")


def _spliced(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _container(text: str, path: Path) -> Container:
    at = _skip(text, 0)
    for key in path:
        # Of a name that stands there twice the last one counts, as for every reader.
        at = [item.value for item in _read(text, at).items if item.key == key][-1]
    return _read(text, at)


def _read(text: str, start: int) -> Container:
    if text[start : start + 1] not in ("{", "["):
        raise JSONDecodeError("Expecting an object or an array", text, start)
    items = list(_items(text, start))
    last = items[-1].end if items else start + 1
    return Container(start, _skip(text, last) + 1, items)


def _items(text: str, start: int) -> Iterator[Item]:
    closing = "}" if text[start] == "{" else "]"
    at, number = _skip(text, start + 1), 0
    key: str | int
    while text[at] != closing:
        begun, key = at, number
        if closing == "}":
            key, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        _, end = _DECODER.raw_decode(text, at)
        yield Item(key, begun, at, end)
        at, number = _skip(text, end), number + 1
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _indent_at(text: str, at: int) -> str:
    """The white space with which the line of `at` begins."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _unit(text: str) -> str:
    """One step of indentation, as the text has it."""
    found = re.search(r"\n([ \t]+)\S", text)
    return found[1] if found else "  "
