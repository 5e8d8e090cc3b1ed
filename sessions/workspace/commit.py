"""Turns what the agent left in its working copy into commits that others may see.

Everything is done in repositories of our own, and the agent's own commits are taken over object by object, so that
neither its configuration nor its hooks run here. The commits end on a branch of the mirror before anything is pushed.
"""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from sessions.errors import RepositoryError
from sessions.files import write_whole
from sessions.redaction import Redactor
from sessions.settings import Settings
from sessions.workspace.address import plain_name
from sessions.workspace.agent_refs import AgentRefs, read_agent_refs
from sessions.workspace.base import Checkout, LeftOut
from sessions.workspace.git import Git
from sessions.workspace.ignored import IGNORED, ignored_in_commits, ignored_in_index
from sessions.workspace.index import stage, take_out, unstage
from sessions.workspace.mirror import Mirror
from sessions.workspace.scratch import changed_paths, describe, scratch_repository, since
from sessions.workspace.screening import messages_are_clean, screen
from sessions.workspace.trailers import with_trailers

#: All branches that we make are below this one.
OWN_BRANCHES = "sessions"
#: What a branch ends with that holds the agent's own commits where they may not be published as they are.
AS_IT_WAS = "-head"

_RECORD = "commit.json"
_SCRATCH = "commit.git"
_MOST_BRANCHES = 100
_MOST_SUBJECTS = 50
_UNREADABLE = "the agent's own commits cannot be read; its files are committed as one commit"
_JOINED = "the agent's own commits are joined into one, because what must not be published is in one of them"


class Built(BaseModel, frozen=True):
    """The changes in one checkout as commits in its mirror.

    Attributes:
        commit: the newest of them; empty when there is nothing to commit.
        agent_head: the agent's own newest commit, so that a repetition can tell whether it went on since.
    """

    commit: str = ""
    agent_head: str = ""
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    def with_what_was_said(self, before: "Built") -> "Built":
        """The same, with what was told of this very commit when it was made: it cannot be seen in it any more."""
        if not self.commit or self.commit != before.commit:
            return self
        left_out = tuple(dict.fromkeys((*before.left_out, *self.left_out)))
        return self.model_copy(
            update={"left_out": left_out, "notes": tuple(dict.fromkeys((*before.notes, *self.notes)))}
        )


def kept_branch(session: str, run_id: str) -> str:
    """`sessions/<session>/<end of the run's id>`; the end, because ids may start with the time."""
    return f"{OWN_BRANCHES}/{plain_name(session)}/{plain_name(run_id[-12:])}"


class Run(BaseModel, frozen=True, arbitrary_types_allowed=True):
    """Whose commits are made: what they say, who signs them, and on which branch of our own they are kept."""

    session: str
    run_id: str
    message: str
    settings: Settings
    redact: Redactor

    @property
    def branch(self) -> str:
        """See `kept_branch`."""
        return kept_branch(self.session, self.run_id)

    @property
    def identity(self) -> dict[str, str]:
        """Author and committer, for git's environment."""
        who = {"NAME": self.settings.git_name, "EMAIL": self.settings.git_email}
        return {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in who.items()}

    def full_message(self, *paragraphs: str) -> str:
        """The commit message, without secrets and with its trailers."""
        message, more = "\n\n".join((self.message, *paragraphs)), self.settings.git_trailers
        return self.redact(with_trailers(message, self.session, self.run_id, more))


def build_commits(checkout: Checkout, mirror: Mirror, run: Run) -> Built:
    """Commit what the agent changed on top of what it committed itself, and keep it on `run.branch` of the mirror.

    Done twice it makes one commit: the second time continues from the first, and finds nothing new.

    Raises:
        RepositoryError: the working copy is gone or unreadable, or the disk is full.
    """
    refs = read_agent_refs(checkout.path)
    before = read_built(checkout)
    unbound = Git(url=checkout.url, timeout_seconds=mirror.timeout_seconds, identity=run.identity)
    head, notes = _take_over(checkout, mirror, refs, run)
    start = before.commit if before.commit and before.agent_head == refs.head else head
    with scratch_repository(checkout, unbound, name=_SCRATCH, sees_agent_objects=False) as git:
        built = _commit(git, checkout, mirror, start, run)
        built = built.model_copy(update={"agent_head": refs.head, "notes": (*notes, *built.notes)})
        if built.commit != before.commit:
            if built.commit in ("", checkout.base, *mirror.known_refs().values()):
                return built.model_copy(update={"commit": ""})
            mirror.keep(checkout.books / _SCRATCH, {run.branch: built.commit})
            write_whole(checkout.books / _RECORD, built.model_dump_json())
    if built.commit and head and mirror.contains(built.commit, head):
        mirror.forget(f"{run.branch}{AS_IT_WAS}")
    return built.with_what_was_said(before)


def read_built(checkout: Checkout) -> Built:
    """What `build_commits` made of this checkout the last time."""
    record = checkout.books / _RECORD
    try:
        return Built.model_validate_json(record.read_bytes())
    except (FileNotFoundError, ValidationError):
        return Built()  # not made yet, or unreadable: then it is made again, to the same end


def _take_over(checkout: Checkout, mirror: Mirror, refs: AgentRefs, run: Run) -> tuple[str, list[str]]:
    """The agent's newest commit, now in the mirror (or the base, if it has none), and what is to be said about it."""
    known = {"", checkout.base, *mirror.known_refs().values()}
    others = {name: sha for name, sha in refs.others.items() if sha not in known}
    head = refs.head or checkout.base
    if head in known and not others:
        return head, []
    notes = []
    unbound = Git(url=checkout.url, timeout_seconds=mirror.timeout_seconds)
    with scratch_repository(checkout, unbound, name="incoming.git", sees_agent_objects=True):
        source = checkout.books / "incoming.git"
        if head not in known and not _taken(mirror, source, f"{run.branch}{AS_IT_WAS}", head):
            head, notes = checkout.base, [_UNREADABLE]
        notes += _keep_others(mirror, source, others, head, run.branch)
    return head, notes


def _keep_others(mirror: Mirror, source: Path, others: dict[str, str], head: str, branch: str) -> list[str]:
    notes = []
    for name, sha in list(others.items())[:_MOST_BRANCHES]:
        # With the commit, because two names may be alike once they are plain.
        kept = f"{branch}-{plain_name(name)}-{sha[:8]}"
        if not (head and mirror.contains(head, sha)):
            done = f"is kept, not pushed, on branch {kept} of {mirror.folder}"
            taken = _taken(mirror, source, kept, sha)
            notes.append(f"the agent's branch {name} {done if taken else 'cannot be read, and is not kept'}")
    if len(others) > _MOST_BRANCHES:
        notes.append(f"the agent left {len(others)} other branches, of which {_MOST_BRANCHES} are kept")
    return notes


def _taken(mirror: Mirror, source: Path, branch: str, sha: str) -> bool:
    try:
        mirror.keep(source, {branch: sha})
    except RepositoryError:
        # Incomplete or forged objects: the caller goes on without these commits, and says so.
        return False
    return True


def _commit(git: Git, checkout: Checkout, mirror: Mirror, start: str, run: Run) -> Built:
    known = sorted({checkout.base, *mirror.known_refs().values()} - {""})
    left_out = stage(git, changed_paths(git, start))
    parent, message, notes = start, run.full_message(), []
    if start and not _may_be_published(git, checkout, start, known, run):
        own = describe(git, *since(checkout.base, start), limit=_MOST_SUBJECTS)
        parent, message = checkout.base, run.full_message(*(commit.subject for commit in own))
        notes = [f"{_JOINED}; as they were they are on branch {run.branch}{AS_IT_WAS} of {mirror.folder}"]
    # Trees by themselves too: git does not go from a known commit to its tree when it is asked about a tree.
    trees = [f"{sha}^{{tree}}" for sha in dict.fromkeys((checkout.base, parent)) if sha]
    reasons = screen(git, git.say("write-tree"), base=checkout.base, known=[*known, *trees], redact=run.redact)
    left_out += unstage(git, reasons, parent)
    left_out += take_out(git, ignored_in_index(git, parent, base=checkout.base), IGNORED)
    return Built(commit=_commit_tree(git, parent, message), left_out=tuple(left_out), notes=tuple(notes))


def _may_be_published(git: Git, checkout: Checkout, head: str, known: list[str], run: Run) -> bool:
    if head in known:
        return True
    if ignored_in_commits(git, head, base=checkout.base, known=known):
        return False
    found = screen(git, head, base=checkout.base, known=known, redact=run.redact)
    return not found and messages_are_clean(git, head, known=known, redact=run.redact)


def _commit_tree(git: Git, parent: str, message: str) -> str:
    tree = git.say("write-tree")
    before = git.say("rev-parse", f"{parent}^{{tree}}") if parent else git.say("hash-object", "-t", "tree", "--stdin")
    if tree == before:
        return parent
    parents = ("-p", parent) if parent else ()
    return git.say("commit-tree", tree, *parents, "-F", "-", stdin=message.encode())
