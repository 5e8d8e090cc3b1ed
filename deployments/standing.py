"""Where the definition of a session stands in the repository, whether or not its neighbours are in order."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, cast

from pydantic import JsonValue

from deployments.definitions import DISPATCH_ENTRYPOINT, find_definitions
from deployments.documents import DocumentError, parse_document
from sessions.errors import SpecError


class Standing(NamedTuple):
    """The definition of one session: its file, the file's text and content, and its position under `deployments:`."""

    file: Path
    text: str
    content: dict[str, JsonValue]
    position: int

    @property
    def listed(self) -> list[dict[str, JsonValue]]:
        """All deployments of the file."""
        return cast("list[dict[str, JsonValue]]", self.content["deployments"])

    @property
    def raw(self) -> dict[str, JsonValue]:
        """The keys of this session's deployment."""
        return self.listed[self.position]

    @property
    def raw_parameters(self) -> dict[str, JsonValue]:
        """What stands under `parameters:`; empty if that is no mapping."""
        found = self.raw.get("parameters")
        return found if isinstance(found, dict) else {}


def all_standing(root: Path) -> Iterator[Standing]:
    """Every session of the definition files under `root`; files that are no YAML are passed over."""
    for file in find_definitions(root):
        try:
            # As the bytes are, so that line ends can stay.
            text = file.read_bytes().decode()
            content = parse_document(text, file).content
        except (DocumentError, OSError, UnicodeDecodeError):
            continue
        listed = content.get("deployments") if isinstance(content, dict) else None
        for position, raw in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(raw, dict) and raw.get("entrypoint") != DISPATCH_ENTRYPOINT:
                yield Standing(file, text, cast("dict[str, JsonValue]", content), position)


def find_standing(name: str, root: Path) -> Standing | None:
    """Where the session `name` is defined; None if it is not, here.

    Raises:
        SpecError: it is defined twice.
    """
    found = [standing for standing in all_standing(root) if standing.raw.get("name") == name]
    if len(found) > 1:
        places = " and ".join(str(standing.file) for standing in found)
        raise SpecError(f"{name!r} is defined in {places}; take one of them out", field="name")
    return found[0] if found else None


def parameter_values(raw: Mapping[str, JsonValue], parameter: str) -> list[JsonValue]:
    """Every value that a deployment gives a parameter: its own, and those of single schedules."""
    schedules = raw.get("schedules")
    holders = [raw, *(schedules if isinstance(schedules, list) else [])]
    given = [holder.get("parameters") for holder in holders if isinstance(holder, dict)]
    return [item[parameter] for item in given if isinstance(item, dict) and parameter in item]
