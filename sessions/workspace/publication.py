"""The last step of a run for each repository: commit what changed, and push it or keep it."""

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from sessions.errors import RepositoryError
from sessions.files import write_whole
from sessions.redaction import Redactor
from sessions.settings import Settings
from sessions.workspace.base import Checkout, Commit, CommitResult
from sessions.workspace.commit import Built, Run, build_commits, read_built
from sessions.workspace.mirror import Mirror
from sessions.workspace.push import Landing, publish
from sessions.workspace.scratch import describe, since
from sessions.workspace.state import require_working_copy
from sessions.workspace.unpushed import say_unpushed, unpushed_branches

_RECORD = "result.json"
_MOST_COMMITS = 100


def commit_and_push(
    checkout: Checkout, *, message: str, run_id: str, session: str, settings: Settings, redact: Redactor
) -> CommitResult:
    """Commit what the agent changed and, where the repository says so, push it; else keep it in the mirror.

    Safe to call again after a crash at any point: it goes on where it was, and makes and pushes one commit. The
    agent's own commits are kept. Files with secrets, files over 25 MB, ignored ones, repositories inside the repository
    and Git LFS files are left out and named in the result; they exist only in the working copy, until `discard`. The
    trailers are added to `message` here; `redact` finds the secrets.

    Raises:
        RepositoryError: the working copy is gone, the repository is in use for too long or cannot be reached, git is
            missing, the disk is full. What was committed by then is in the mirror, and the sentence says where.
    """
    require_working_copy(checkout)
    run = Run(session=session, run_id=run_id, message=message, settings=settings, redact=redact)
    mirror = Mirror(
        url=checkout.url, folder=checkout.mirror, source=checkout.source, timeout_seconds=settings.git_timeout_seconds
    )
    try:
        with mirror.held():
            return _with_unpushed(_settle(checkout, mirror, run), mirror, run)
    except OSError as error:
        raise RepositoryError(
            f"{checkout.url}: the changes in {checkout.path} cannot be committed: {error.strerror or error}; "
            "check the disk and its permissions",
            url=checkout.url,
        ) from error


def _settle(checkout: Checkout, mirror: Mirror, run: Run) -> CommitResult:
    before = read_built(checkout)
    built = build_commits(checkout, mirror, run)
    record = checkout.books / _RECORD
    if (earlier := _read_result(record)) and built.commit == before.commit:
        return earlier
    if not built.commit:
        return _result(checkout, built, status="none")
    if not checkout.auto_push:
        commits = describe(mirror.git, *since(checkout.base, built.commit), limit=_MOST_COMMITS)
        return _result(checkout, built, status="kept", branch=run.branch, place=str(mirror.folder), commits=commits)
    # An attempt before this one may have put them on top of something, and pushed that.
    landing = _publish(checkout, mirror, run, mirror.kept(run.branch) or built.commit)
    commits = describe(mirror.git, *landing.revisions, limit=_MOST_COMMITS)
    result = _result(
        checkout, built, status=landing.status, branch=landing.branch, reason=landing.reason, commits=commits
    )
    write_whole(record, result.model_dump_json())
    mirror.forget(run.branch)
    return result


def _with_unpushed(result: CommitResult, mirror: Mirror, run: Run) -> CommitResult:
    """The result, with a word about what other runs left in the mirror."""
    others = unpushed_branches(mirror) - mirror.own_branches(run.branch).keys()
    said = (say_unpushed(len(others), mirror.folder, runs="other runs"),) if others else ()
    return result.model_copy(update={"notes": (*result.notes, *said)})


def _read_result(record: Path) -> CommitResult | None:
    try:
        return CommitResult.model_validate_json(record.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None  # not settled yet, or unreadable: then it is settled again, to the same end


def _publish(checkout: Checkout, mirror: Mirror, run: Run, commit: str) -> Landing:
    try:
        return publish(checkout, mirror, run, commit)
    except RepositoryError as error:
        raise RepositoryError(
            f"{error}; nothing is lost, fetch the commits with: git fetch {mirror.folder} {run.branch}", url=mirror.url
        ) from error


def _result(
    checkout: Checkout,
    built: Built,
    *,
    status: Literal["none", "pushed", "set_aside", "kept"],
    branch: str = "",
    place: str = "",
    reason: str = "",
    commits: tuple[Commit, ...] = (),
) -> CommitResult:
    return CommitResult(
        name=checkout.name,
        url=checkout.url,
        status=status,
        branch=branch,
        place=place,
        reason=reason,
        commits=commits,
        left_out=built.left_out,
        notes=built.notes,
    )
