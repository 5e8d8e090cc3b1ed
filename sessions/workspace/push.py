"""Brings a run's commits to where the repository lives, without ever overwriting what others pushed."""

import re
from typing import Literal

from pydantic import BaseModel

from sessions.errors import RepositoryError
from sessions.redaction import process_redactor
from sessions.workspace.base import Checkout
from sessions.workspace.commit import Run
from sessions.workspace.mirror import Mirror
from sessions.workspace.rebase import put_on_top
from sessions.workspace.refusals import sentence_for
from sessions.workspace.scratch import since
from sessions.workspace.trailers import trailer_lines

#: How often others may be faster before the commits are set aside.
_ATTEMPTS = 30
#: The line of a push that was refused, as against one that did not come through.
REJECTED = re.compile(r"^!\t[^\t]*\t\[(?P<kind>[^\]]*)\](?: \((?P<why>.*)\))?", re.MULTILINE)
_OTHERS_WERE_FASTER = re.compile(
    r"fetch first|non-fast-forward|failed to update ref|cannot lock ref|incorrect old value"
)
#: A branch that is checked out at the source is never moved under a person's feet, whatever that source allows.
_RECEIVE = "--receive-pack=git -c receive.denyCurrentBranch=refuse receive-pack"


class Landing(BaseModel, frozen=True):
    """Where the commits are.

    Attributes:
        revisions: what `git log` is to be asked for to list them.
        reason: why they are not on the branch that they were meant for.
    """

    status: Literal["pushed", "set_aside"]
    branch: str
    revisions: tuple[str, ...]
    reason: str = ""


class Refusal(BaseModel, frozen=True):
    """The source did not take a push. `retryable`: somebody else pushed at the same time."""

    retryable: bool
    why: str


def publish(checkout: Checkout, mirror: Mirror, run: Run, commit: str) -> Landing:
    """Push `commit` to the checkout's branch, or else to `run.branch` at the source.

    Raises:
        RepositoryError: the source cannot be reached or takes neither; the commits stay in the mirror.
    """
    mirror.refresh()
    if (there := mirror.tip(run.branch)) and mirror.contains(there, commit):
        return _set_aside(checkout, run, commit, "they could not be pushed to the branch at an earlier attempt")
    reason = "the source has no branch checked out"
    if checkout.branch:
        landed = _onto_branch(checkout, mirror, run, commit)
        if isinstance(landed, Landing):
            return landed
        reason = landed
    commit = mirror.kept(run.branch) or commit
    if refusal := push(mirror, commit, run.branch):
        raise RepositoryError(f"{mirror.url}: {reason}, and branch {run.branch}: {refusal.why}", url=mirror.url)
    return _set_aside(checkout, run, commit, reason)


def _set_aside(checkout: Checkout, run: Run, commit: str, reason: str) -> Landing:
    return Landing(status="set_aside", branch=run.branch, revisions=since(checkout.base, commit), reason=reason)


def push(mirror: Mirror, commit: str, branch: str) -> Refusal | None:
    """Push `commit` as `branch`, never by force; nothing is returned if it was taken.

    Raises:
        RepositoryError: the source cannot be reached.
    """
    options = push_options(is_here=mirror.source is not None)
    answer = mirror.remote.ask("push", *options, "--", mirror.url, f"{commit}:refs/heads/{branch}")
    if not answer.code:
        return None
    line = REJECTED.search(answer.output.decode(errors="replace"))
    if not line:
        raise RepositoryError(sentence_for(mirror.url, answer.error), url=mirror.url)
    why = process_redactor()(line["why"] or line["kind"])
    return Refusal(retryable=line["kind"] == "rejected" or bool(_OTHERS_WERE_FASTER.search(why)), why=why)


def push_options(*, is_here: bool) -> tuple[str, ...]:
    """The options of every push; `is_here`: to a repository on this machine."""
    return ("--porcelain", "--no-verify", *((_RECEIVE,) if is_here else ()))


def _onto_branch(checkout: Checkout, mirror: Mirror, run: Run, commit: str) -> Landing | str:
    branch = checkout.branch
    for _ in range(_ATTEMPTS):
        tip = mirror.tip(branch)
        if tip and mirror.contains(tip, commit):
            # Pushed by an attempt that did not live to say so; others may have pushed around it.
            only_ours = f"--grep=^{trailer_lines(run.session, run.run_id)[1]}$"
            return Landing(status="pushed", branch=branch, revisions=(*since(checkout.base, commit), only_ours))
        if tip and not mirror.contains(commit, tip):
            rebased = put_on_top(checkout, mirror, commit=commit, tip=tip, branch=run.branch, identity=run.identity)
            if not rebased.commit:
                return f"branch {branch} has changed, {rebased.conflict}"
            commit = rebased.commit
        refusal = push(mirror, commit, branch)
        if refusal is None:
            return Landing(status="pushed", branch=branch, revisions=since(tip or checkout.base, commit))
        if not refusal.retryable:
            return f"branch {branch} was refused: {refusal.why}"
        mirror.refresh()
    return f"others pushed to branch {branch} {_ATTEMPTS} times meanwhile"
