"""The document an agent starts with, and what went into it and why."""

from sessions.context.document import BYTES_PER_TOKEN, MOST_LINES, compose
from sessions.context.manifest import Candidate, Context, Manifest
from sessions.context.material import KnownSoFar, Material, Occasion, look_up
from sessions.context.sections import Title

__all__ = [
    "BYTES_PER_TOKEN",
    "MOST_LINES",
    "Candidate",
    "Context",
    "KnownSoFar",
    "Manifest",
    "Material",
    "Occasion",
    "Title",
    "compose",
    "look_up",
]
