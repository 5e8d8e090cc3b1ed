"""One row of the store on its way into the normal form."""

import math
from collections.abc import Mapping

from pydantic import JsonValue

from deployments.openclaw.report import Note
from sessions.errors import SpecError

Fields = dict[str, JsonValue]


class Row:
    """What the row holds by now, and what was read in another spelling. Parts of it are copied before they change."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.notes: list[Note] = []

    def note(self, field: str, message: str) -> None:
        """Say what became of a field."""
        self.notes.append(Note(field=field, message=message))

    def rename(self, part: Fields, old: str, new: str, place: str = "") -> None:
        """Give a field its present name; where both stand, the old one is left as a field that is not known."""
        if old in part and part.get(new) in (None, ""):
            part[new] = part.pop(old)
            self.note(place + old, f"is called {place}{new} now")

    def move(self, source: Fields, target: Fields, field: str, place: str) -> None:
        """Put a field where it belongs by now; what stands there already counts."""
        if field not in source:
            return
        value = source.pop(field)
        if target.get(field) in (None, ""):
            target[field] = value
            self.note(field, f"belongs to {place} now")
        elif target[field] != value:
            self.note(field, f"{value!r} beside {place} is left out; {place}.{field} counts")
        else:
            self.note(field, f"says the same as {place}.{field}")

    def strip(self, part: Fields, *names: str) -> None:
        """Take the spaces around texts away, and texts of nothing else."""
        for name in names:
            value = part.get(name)
            if isinstance(value, str) and value != value.strip():
                part[name] = value.strip()
            if name in part and part[name] == "":
                del part[name]

    def lower(self, part: Fields, *names: str) -> None:
        """Read words whatever the case of their letters is."""
        self.strip(part, *names)
        for name in names:
            if isinstance(value := part.get(name), str):
                part[name] = value.lower()

    def number(self, part: Fields, name: str, place: str) -> None:
        """Read a whole number, also from a text or with a fraction, which is cut off."""
        value = part.get(name)
        if isinstance(value, str):
            part[name] = _number(value, place)
            self.note(place, f"{value!r} is read as {part[name]}")
        elif isinstance(value, float):
            part[name] = math.floor(value)
            if part[name] != value:
                self.note(place, f"{value!r} is read as {part[name]}")


def _number(text: str, place: str) -> int:
    try:
        number = float(text)
        return math.floor(number)
    except (ValueError, OverflowError) as error:
        raise SpecError(f"{place}: {text!r} is not a number; write it without quotes", field=place) from error


def read_kind(value: JsonValue, kinds: Mapping[str, str], field: str) -> str:
    """One of the kinds, whatever the case of its letters is.

    Raises:
        SpecError: it is none of them.
    """
    if found := kinds.get(str(value or "").strip().lower()):
        return found
    said = f"is {value!r}, which is not known" if value else "is missing"
    raise SpecError(f"{field}: {said}; it is one of {', '.join(kinds.values())}", field=field)
