"""How the repositories stand, as a section: what others wrote into them stands in quotation marks."""

from collections.abc import Iterator, Sequence

from sessions.context.quoting import as_data, one_line
from sessions.workspace.base import Commit, GitState, listed

_NAME, _TEXT = 120, 400


def render_git(states: Sequence[GitState], *, attended: bool) -> str:
    """The section on the state of each repository, or that there is none."""
    blocks = ["\n".join(f"- {line}" for line in _lines(state)) for state in states]
    none = "No git repository is here." if attended else "No repository is attached; you work in an empty folder."
    return "## Git state\n\n" + ("\n\n".join(blocks) or none)


def _lines(state: GitState) -> Iterator[str]:
    where = f"on branch {as_data(state.branch, _NAME)}" if state.branch else "on no branch"
    head = f"last commit {_commit(state.head)}" if state.head else "no commits yet"
    yield f"{one_line(state.name)} ({one_line(state.url)}): {where}, {head}"
    if state.ahead:
        yield f"commits of this run: {state.ahead}"
    names = tuple(as_data(name, _NAME) for name in state.uncommitted)
    yield f"uncommitted: {listed(names)}" if names else "nothing uncommitted"
    # Our own sentences, with names in them that are not.
    yield from (f"note: {as_data(note, _TEXT)}" for note in state.notes)


def _commit(commit: Commit) -> str:
    """`1a2b3c4d 2026-11-20 "Fix the parser" by "Ada"`."""
    return f"{commit.sha[:8]} {commit.at:%Y-%m-%d} {as_data(commit.subject, _TEXT)} by {as_data(commit.author, _NAME)}"
