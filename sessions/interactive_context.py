"""What a person's own conversation with Claude Code begins with: the same document as a scheduled run's, to discuss."""

from datetime import UTC, datetime
from pathlib import Path

from sessions.context import Context, Occasion
from sessions.errors import RepositoryError
from sessions.interactive_learning import SESSION
from sessions.preparation import build_interactive_context
from sessions.settings import Settings
from sessions.workspace.base import GitState
from sessions.workspace.git import Git
from sessions.workspace.scratch import describe

#: Claude Code puts more than 10,000 characters into a file and shows their beginning only (seen with 2.1). A token is
#: estimated at four bytes, and no character has less than one.
MOST_TOKENS = 2_450
_GIT_SECONDS = 2.0
_RECENT = 5


def interactive_context(agent: str, folder: Path, *, settings: Settings, now: datetime) -> Context:
    """What `agent` knows that bears on the work in `folder`, and what waits to be discussed.

    Args:
        agent: whose memory.
        folder: where the person works.
        settings: for the memory, and the longest that a context may be.
        now: on the person's clock.

    Raises:
        MemoryStoreError: the memory cannot be read.
    """
    states = checkout_state(folder)
    # Nothing was asked yet: what was worked on here lately is the best guess at what it will be about.
    hints = [folder.name, *(commit.subject for state in states for commit in state.recent)]
    return build_interactive_context(
        Occasion(agent=agent, session=SESSION, due_at=now, now=now, attended=True),
        prompt="\n".join(hints),
        git=states,
        settings=settings.model_copy(update={"context_tokens": min(settings.context_tokens, MOST_TOKENS)}),
        synced_at=_fetched_at(folder),
    )


def checkout_state(folder: Path) -> tuple[GitState, ...]:
    """How the person's checkout around `folder` stands; empty where there is none, or git takes over two seconds."""
    git = Git(url=str(folder), timeout_seconds=_GIT_SECONDS, work_tree=folder)
    try:
        root = Path(git.say("rev-parse", "--show-toplevel"))
        recent = describe(git, "HEAD", limit=_RECENT)
        changed = git.say("status", "--porcelain", "-z").split("\0")
    except RepositoryError:
        return ()
    return (
        GitState(
            name=root.name,
            url=str(root),
            branch=git.ask("symbolic-ref", "--short", "-q", "HEAD").text,
            head=recent[0] if recent else None,
            recent=recent,
            uncommitted=tuple(entry[3:] for entry in changed if entry[2:3] == " "),
        ),
    )


def _fetched_at(folder: Path) -> datetime | None:
    git = Git(url=str(folder), timeout_seconds=_GIT_SECONDS, work_tree=folder)
    try:
        mark = folder / git.say("rev-parse", "--git-path", "FETCH_HEAD")
        return datetime.fromtimestamp(mark.stat().st_mtime, UTC)
    except (RepositoryError, OSError):
        return None
