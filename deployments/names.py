"""Names of sessions: from what a person calls it to what Prefect and a shell take."""

import re
import unicodedata
from hashlib import sha256

from deployments.definitions import LONGEST_NAME
from sessions.errors import SpecError


def slug_of(display_name: str) -> str:
    """A name in lower-case letters, digits and hyphens, at most 50; the same for the same display name."""
    plain = unicodedata.normalize("NFKD", display_name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_NAME].strip("-")
    return slug or f"session-{sha256(display_name.encode()).hexdigest()[:8]}"


def check_display_name(display_name: str) -> str:
    """The name without spaces around it.

    Raises:
        SpecError: it is empty, longer than 50 characters, or has control characters in it.
    """
    name = display_name.strip()
    if not name:
        raise SpecError("the name is empty; give one such as 'Nightly code health'", field="name")
    if len(name) > LONGEST_NAME:
        raise SpecError(f"the name has {len(name)} characters; give at most {LONGEST_NAME}", field="name")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        raise SpecError("the name holds control characters, such as a line break; take them out", field="name")
    return name
