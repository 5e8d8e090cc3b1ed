"""Writes changed values into YAML that people wrote: only the lines that differ change, comments stay."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, cast

from pydantic import JsonValue
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from deployments.documents import DocumentError, Location, compose_document, parse_document, spell
from sessions.errors import SpecError

#: Characters that JSON leaves as they are and YAML does not take.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
#: Keys whose texts people read line by line.
_PROSE = ("description", "prompt")


class _Edit(NamedTuple):
    """One value to be set at a place, or with `removed` to be taken out.

    `after` is the key that a new one follows; empty where it comes first.
    """

    location: Location
    value: object = None
    removed: bool = False
    after: str = ""


class _Pair(NamedTuple):
    """A key of a mapping in the text, with its value."""

    key: Node
    value: Node

    @property
    def name(self) -> str:
        return str(self.key.value)


def rewrite(text: str, wanted: object, file: Path) -> str:
    """The YAML `text`, changed so that it says `wanted`.

    Args:
        text: what stands in the file.
        wanted: its content as it should be, made from the content that it has.
        file: where it stands, for the sentence.

    Raises:
        SpecError: it cannot be done without touching something else, such as a value that two places share.
    """
    try:
        edits = list(_differences(parse_document(text, file).content, wanted, ()))
        for edit in edits:
            text = _apply(text, edit)
        good = parse_document(text, file).content == wanted
    except DocumentError:
        good = False
    if not good:
        places = ", ".join(spell(edit.location) for edit in edits)
        raise SpecError(f"{file}: {places} cannot be changed without changing more; edit the file by hand")
    return text


def without_item(text: str, key: str, position: int, file: Path) -> str:
    """The YAML `text` without one item of the list under a key at its top.

    Raises:
        SpecError: the item does not stand on lines of its own.
    """
    content = cast("dict[str, list[object]]", parse_document(text, file).content)
    listed = content[key]
    item = _find(compose_document(text), [key, position])
    start, end = text.rfind("\n", 0, item.start_mark.index) + 1, _end(text, item)
    shorter = _spliced(text, start, end + len(text[end:].partition("\n")[0]) + 1, "")
    try:
        good = parse_document(shorter, file).content == {**content, key: listed[:position] + listed[position + 1 :]}
    except DocumentError:
        good = False
    if not good:
        raise SpecError(f"{file}: {key}[{position}] cannot be taken out alone; edit the file by hand")
    return shorter


def _differences(old: object, new: object, location: Location) -> Iterator[_Edit]:
    if isinstance(old, dict) and isinstance(new, dict) and old:
        yield from _differences_of_mappings(old, new, location)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(before, after, (*location, index))
    elif type(old) is not type(new) or old != new:
        yield _Edit(location, new)


def _differences_of_mappings(
    old: Mapping[str, object], new: Mapping[str, object], location: Location
) -> Iterator[_Edit]:
    before = ""
    for key, value in new.items():
        if key in old:
            yield from _differences(old[key], value, (*location, key))
        else:
            yield _Edit((*location, key), value, after=before)
        before = key
    # Last, so that a mapping is at no time empty.
    yield from (_Edit((*location, key), removed=True) for key in old if key not in new)


def _apply(text: str, edit: _Edit) -> str:
    *outer, last = edit.location
    holder = _find(compose_document(text), outer)
    if isinstance(holder, SequenceNode) and isinstance(last, int):
        item = holder.value[last]
        return _spliced(text, item.start_mark.index, _end(text, item), _spelled(edit.value))
    if not isinstance(holder, MappingNode):
        raise DocumentError(f"{spell(tuple(outer))} is no mapping")
    pairs = [_Pair(*pair) for pair in holder.value]
    position = next((number for number, pair in enumerate(pairs) if pair.name == last), None)
    if position is None:
        return _add(text, holder, pairs, edit)
    if edit.removed:
        return _remove(text, holder, pairs, position)
    return _replace(text, holder, pairs[position], edit.value)


def _find(node: Node | None, location: list[str | int]) -> Node:
    for part in location:
        if isinstance(node, MappingNode):
            node = next((value for key, value in node.value if str(key.value) == part), None)
        elif isinstance(node, SequenceNode) and isinstance(part, int):
            node = node.value[part]
    if node is None:
        raise DocumentError(f"{spell(tuple(location))} does not stand there itself")
    return node


def _replace(text: str, holder: MappingNode, pair: _Pair, value: object) -> str:
    start, end = pair.key.end_mark.index, _end_of_pair(text, pair)
    # Behind the key of a value that begins on the next line there may be a comment.
    rest_of_line = text[start:end].partition("\n")[0]
    comment = re.search(r"\s+#.*", rest_of_line) if "\n" in text[start:end] else None
    flow = holder.flow_style or not isinstance(value, str)
    spelled = _spelled(value) if flow else _spelled_in_block(text, pair.name, value, holder)
    return _spliced(text, start, end, f": {spelled}{comment[0].rstrip() if comment else ''}")


def _add(text: str, holder: MappingNode, pairs: list[_Pair], edit: _Edit) -> str:
    key = edit.location[-1]
    if not pairs:
        return _spliced(text, holder.start_mark.index, holder.end_mark.index, f"{{{key}: {_spelled(edit.value)}}}")
    flow = bool(holder.flow_style)
    line = f"{key}: {_spelled(edit.value) if flow else _spelled_in_block(text, str(key), edit.value, holder)}"
    gap = " " if flow else _newline(text) + " " * holder.start_mark.column
    if not edit.after:
        start = pairs[0].key.start_mark.index
        return _spliced(text, start, start, f"{line}{',' * flow}{gap}")
    end = _end_of_pair(text, next((pair for pair in pairs if pair.name == edit.after), pairs[-1]))
    if not flow:
        # After the comment behind the value.
        end += len(text[end:].partition("\n")[0].rstrip("\r"))
    return _spliced(text, end, end, f"{',' * flow}{gap}{line}")


def _remove(text: str, holder: MappingNode, pairs: list[_Pair], position: int) -> str:
    start, end = pairs[position].key.start_mark.index, _end_of_pair(text, pairs[position])
    line = text.rfind("\n", 0, start) + 1
    if not holder.flow_style and not text[line:start].strip():
        return _spliced(text, line, end + len(text[end:].partition("\n")[0]) + 1, "")
    if position + 1 < len(pairs):
        return _spliced(text, start, pairs[position + 1].key.start_mark.index, "")
    before = _end_of_pair(text, pairs[position - 1]) if position else start
    return _spliced(text, before, end, "")


def _end(text: str, node: Node) -> int:
    """Where a value ends; the mark of a block is behind the comments that follow it."""
    if isinstance(node, ScalarNode):
        return len(text[: node.end_mark.index].rstrip()) if node.style in ("|", ">") else int(node.end_mark.index)
    if not isinstance(node, MappingNode | SequenceNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end_of_pair(text, _Pair(*last)) if isinstance(node, MappingNode) else _end(text, last)


def _end_of_pair(text: str, pair: _Pair) -> int:
    if pair.value.start_mark.index == pair.value.end_mark.index:
        # Nothing stands behind the colon; the mark is at whatever comes next.
        return text.index(":", pair.key.end_mark.index) + 1
    return _end(text, pair.value)


def _spliced(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _spelled(value: object) -> str:
    """The value as JSON, which every YAML reader takes for what it is."""
    spelled = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", spelled)


def _spelled_in_block(text: str, key: str, value: object, holder: MappingNode) -> str:
    """Prose of several lines as such; everything else as JSON."""
    lines = value.removesuffix("\n").split("\n") if isinstance(value, str) else []
    readable = key in _PROSE and len(lines) > 1 and all(line.isprintable() for line in lines) and lines[-1].strip()
    if not isinstance(value, str) or not readable or lines[0][:1] in ("", " "):
        return _spelled(value)
    indent = _newline(text) + " " * (holder.start_mark.column + 2)
    body = "".join(indent + line if line.strip() else _newline(text) + line for line in lines)
    return ("|" if value.endswith("\n") else "|-") + body


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def unshared(value: JsonValue) -> JsonValue:
    """A copy in which nothing stands twice, as it does where YAML names a value by an anchor."""
    if isinstance(value, dict):
        return {key: unshared(item) for key, item in value.items()}
    return [unshared(item) for item in value] if isinstance(value, list) else value
