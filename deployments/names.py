"""Names of sessions: from what a person calls it to what Prefect and a shell take.

A session is called by its slug. Where a person calls it something else, that display name stands among the tags of its
deployment as `display-name:Morning notes`: Prefect shows and filters tags, and hands them on to the runs.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import sha256

from deployments.definitions import LONGEST_NAME
from sessions.errors import SpecError

DISPLAY_TAG = "display-name:"
#: A generated name is shorter than the longest, so that it reads well in a list and a number may follow.
_GENERATED = 40
#: What stands around words, in Markdown too, and is no part of a name.
_MARKS = ".,;:!?#*-=_ "
#: Categories of characters that show nothing: separators, controls, halves of pairs.
_INVISIBLE = ("C", "Z")
_CONTROLS = ("Cc", "Cs", "Zl", "Zp")
#: They turn the direction of all that follows in a terminal or a page.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def slug_of(display_name: str) -> str:
    """A name in lower-case letters, digits and hyphens, at most 50; the same for the same display name."""
    plain = unicodedata.normalize("NFKD", display_name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_NAME].strip("-")
    return slug or f"session-{sha256(display_name.strip().encode(errors='replace')).hexdigest()[:8]}"


def check_display_name(display_name: str) -> str:
    """The name without spaces around it.

    Raises:
        SpecError: it is blank, longer than 50 characters, or has control characters in it.
    """
    name = display_name.strip()
    if all(_shows_nothing(character) for character in name):
        raise SpecError("the name is blank; give one such as 'Nightly code health'", field="name")
    if len(name) > LONGEST_NAME:
        raise SpecError(f"the name has {len(name)} characters; give at most {LONGEST_NAME}", field="name")
    if _TURNING.search(name) or any(unicodedata.category(character) in _CONTROLS for character in name):
        raise SpecError("the name holds control characters, such as a line break; take them out", field="name")
    return name


def name_from_prompt(prompt: str) -> str:
    """The beginning of a prompt as a display name; `Session` if nothing of it can be one."""
    readable = _TURNING.sub("", "".join(" " if _shows_nothing(character) else character for character in prompt))
    words: list[str] = []
    readable = readable.strip(_MARKS)
    for word in readable.split():
        if len(" ".join([*words, word])) > _GENERATED:
            break
        words.append(word)
    return (" ".join(words) or readable[:_GENERATED]).strip(_MARKS) or "Session"


def _shows_nothing(character: str) -> bool:
    return unicodedata.category(character)[0] in _INVISIBLE


def display_name_of(tags: Iterable[str], name: str) -> str:
    """What people call the session `name` whose deployment has these tags."""
    return next((tag.removeprefix(DISPLAY_TAG) for tag in tags if tag.startswith(DISPLAY_TAG)), name)


def with_display_name(tags: Sequence[str], display_name: str | None) -> list[str]:
    """The tags with that display name in place of the one there was; without any where it is None."""
    others = [tag for tag in tags if not tag.startswith(DISPLAY_TAG)]
    return others if display_name is None else [*others, DISPLAY_TAG + display_name]


def tags_fault(tags: Iterable[str]) -> str:
    """What is wrong with the display name among some tags, as a sentence; empty if nothing is."""
    names = [tag.removeprefix(DISPLAY_TAG) for tag in tags if tag.startswith(DISPLAY_TAG)]
    if len(names) > 1:
        return f"hold {len(names)} display names; keep one of them"
    try:
        for name in names:
            check_display_name(name)
    except SpecError as error:
        return f"{DISPLAY_TAG} {error}"
    return ""
