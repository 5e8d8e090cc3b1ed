"""Where a person's own conversations with Claude Code are kept, apart from the runs of the schedule."""

from pathlib import Path


def interactive_home(home: Path) -> Path:
    """The home of interactive runs, which have folders like those of scheduled ones."""
    return home / "interactive"
