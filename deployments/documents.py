"""A YAML file as Prefect reads it, with the line of every key."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.error import MantissaNoDotYAML1_1Warning, MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

#: Keys and positions from the top of a file down to one value.
Location = tuple[str | int, ...]


class DocumentError(Exception):
    """The file cannot be read as YAML. `line` counts from 1."""

    def __init__(self, message: str, *, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


class Document(BaseModel, arbitrary_types_allowed=True, frozen=True):
    """One YAML file: what it says, and where."""

    file: Path
    content: object
    lines: Mapping[Location, int]

    def line_of(self, location: Location) -> int:
        """The line of a value's key, or of the nearest thing around it; counts from 1."""
        for length in range(len(location), 0, -1):
            if line := self.lines.get(location[:length]):
                return line
        return 1


def read_document(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        DocumentError: it is missing, no text, or no YAML; the sentence says what would be right.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DocumentError("does not exist; give the path of a definition") from error
    except IsADirectoryError as error:
        raise DocumentError("is a folder; give the path of a definition in it") from error
    except UnicodeDecodeError as error:
        raise DocumentError("is not text; a definition is a YAML file in UTF-8") from error
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}") from error
    return parse_document(text, path)


def parse_document(text: str, file: Path) -> Document:
    """Read YAML from `text`; `file` is where it stands or will stand.

    Raises:
        DocumentError: it is no YAML.
    """
    with _faults_in_a_sentence():
        content, tree = _reader().load(text), _reader().compose(text)
    return Document(file=file, content=content, lines=dict(_lines(tree, ())) if tree else {})


def compose_document(text: str) -> Node | None:
    """The YAML in `text` as nodes with their places; None if there is nothing in it.

    Raises:
        DocumentError: it is no YAML.
    """
    with _faults_in_a_sentence():
        tree: Node | None = _reader().compose(text)
    return tree


@contextmanager
def _faults_in_a_sentence() -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            # Prefect's reader takes 1e-3 for text, this one for a number that is written badly.
            warnings.simplefilter("error", MantissaNoDotYAML1_1Warning)
            yield
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DocumentError(f"is not YAML: {error.problem or error.context}", line=line) from error
    except MantissaNoDotYAML1_1Warning as error:
        raise DocumentError("holds a number such as 1e-3; write it with a point, such as 1.0e-3") from error
    except (YAMLError, ValueError) as error:
        raise DocumentError(f"is not YAML: {str(error).splitlines()[0]}") from error


def _reader() -> YAML:
    reader = YAML(typ="safe", pure=True)
    # As Prefect's reader does: `off` is a boolean there, and 010 is eight.
    reader.version = (1, 1)
    return reader


def _lines(node: Node, location: Location) -> Iterator[tuple[Location, int]]:
    # An alias that holds itself would never end; nothing that is meant lies so deep.
    if len(location) > 20:  # noqa: PLR2004
        return
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield (*location, str(key.value)), key.start_mark.line + 1
            yield from _lines(value, (*location, str(key.value)))
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield (*location, index), item.start_mark.line + 1
            yield from _lines(item, (*location, index))


def texts_in(value: object, location: Location = ()) -> Iterator[tuple[Location, str]]:
    """Every text in a value, with its place."""
    if isinstance(value, str):
        yield location, value
    elif len(location) > 20:  # noqa: PLR2004 - as above
        return
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts_in(item, (*location, str(key)))
    elif isinstance(value, Sequence):
        for index, item in enumerate(value):
            yield from texts_in(item, (*location, index))


def spell(location: Location) -> str:
    """A place in words: `parameters.delivery[0].to`."""
    spelled = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return spelled.removeprefix(".")
