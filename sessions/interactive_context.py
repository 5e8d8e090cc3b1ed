"""What a person's own conversation with Claude Code begins with: the same document as a scheduled run's, to discuss."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from sessions.context import BYTES_PER_TOKEN, Context, Occasion
from sessions.errors import RepositoryError
from sessions.interactive_learning import SESSION
from sessions.interactive_notices import TITLE, Notice, notices
from sessions.past_runs import past_runs
from sessions.redaction import process_redactor
from sessions.run_context import build_interactive_context
from sessions.settings import Settings
from sessions.workspace.base import GitState
from sessions.workspace.git import Git
from sessions.workspace.scratch import describe

#: Claude Code puts more than 10,000 characters into a file and shows their beginning only (seen with 2.1). A token is
#: estimated at four bytes, and no character has less than one.
MOST_TOKENS = 2_450
_GIT_SECONDS = 2.0
_RECENT = 5


class InteractiveContext(BaseModel, frozen=True):
    """What a conversation begins with, and the sentences that its person is shown beside."""

    context: Context
    for_person: tuple[str, ...] = ()


def interactive_context(agent: str, folder: Path, *, settings: Settings, now: datetime) -> InteractiveContext:
    """What `agent` knows that bears on the work in `folder`, and what waits to be discussed.

    Args:
        agent: whose memory.
        folder: where the person works.
        settings: for the memory, and the longest that a context may be.
        now: on the person's clock.

    Raises:
        MemoryStoreError: the memory cannot be read.
    """
    occasion = Occasion(agent=agent, session=SESSION, due_at=now, now=now, attended=True)
    states = checkout_state(folder)
    runs = past_runs(settings.home, agent=agent, before=now)
    heard = notices(runs, occasion, settings)
    # Nothing was asked yet: what was worked on here lately is the best guess at what it will be about.
    hints = [folder.name, *(commit.subject for state in states for commit in state.recent)]
    most_tokens = min(settings.context_tokens, MOST_TOKENS) - _tokens(_block(heard))
    context = build_interactive_context(
        occasion,
        prompt="\n".join(hints),
        git=states,
        runs=runs,
        settings=settings.model_copy(update={"context_tokens": most_tokens}),
        synced_at=_fetched_at(folder),
    )
    return InteractiveContext(
        context=_with(heard, context), for_person=tuple(filter(None, (each.for_person for each in heard)))
    )


def _with(heard: Sequence[Notice], context: Context) -> Context:
    """The context with what was heard as its first section: it is what the person may not know."""
    if not heard:
        return context
    head, heading, rest = context.text.partition("\n\n## ")
    text = "".join([head, process_redactor()(_block(heard)), heading, rest])
    added = {
        "tokens": _tokens(text),
        "lines": text.count("\n"),
        "most_tokens": context.manifest.most_tokens + _tokens(_block(heard)),
    }
    candidates = [*(each.candidate for each in heard), *context.manifest.candidates]
    return Context(text=text, manifest=context.manifest.model_copy(update={**added, "candidates": candidates}))


def _block(heard: Sequence[Notice]) -> str:
    return "\n".join([f"\n\n## {TITLE}\n", *(each.line for each in heard)]) if heard else ""


def _tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


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
