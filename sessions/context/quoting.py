"""Words from a memory as data: on one line, in quotation marks that they cannot leave, cut where they are too long."""

import json
from collections.abc import Iterable

#: Of an id; more where two shown ones begin alike.
SHORTEST_ID = 8


def as_data(text: str, most: int) -> str:
    """`text` as a JSON string of about `most` characters, without control characters or marks of writing direction.

    What is in it can neither end the quotation nor begin a heading, a list or a new line of the document around it.
    """
    line = one_line(text)
    shown = line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
    return json.dumps(shown, ensure_ascii=False)


def one_line(text: str) -> str:
    """`text` on one line, without what is not to be seen."""
    line = " ".join(text.split())
    if line.isprintable():
        return line
    return " ".join("".join(character for character in line if character.isprintable()).split())


class ShortIds:
    """The beginnings of ids, long enough that no two of the shown ones are alike."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = sorted(set(ids))

    def __call__(self, whole: str) -> str:
        """How `whole` is shown: a beginning of it, or all of it."""
        others = [other for other in self._ids if other != whole]
        length = SHORTEST_ID
        while length < len(whole) and any(other.startswith(whole[:length]) for other in others):
            length += 1
        return whole[:length]
