"""A run's repositories: its own copies before the agent starts, its changes kept or pushed after it ended."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sessions.errors import RepositoryError
from sessions.parameter_values import Repo
from sessions.parameters import GATE_ON_REPOS
from sessions.redaction import process_redactor
from sessions.run_folder import RunFolder
from sessions.run_record import RunRecord
from sessions.settings import Settings
from sessions.workspace import (
    Checkout,
    CommitResult,
    GitState,
    checkout_names,
    commit_and_push,
    git_state,
    known_tip,
    mark_commits,
    reopen_checkout,
    require_pushable,
    sync_repo,
)


def sync_all(run: RunFolder, *, root: Path, settings: Settings) -> list[Checkout]:
    """The run's own copy of each of its repositories; one that was made before is continued.

    Raises:
        RepositoryError: one cannot be had.
    """
    return [_sync(run, *pair, root=root, settings=settings) for pair in _named_repos(run.record, root)]


def _named_repos(record: RunRecord, root: Path) -> list[tuple[Repo, str]]:
    repos = record.spec.repos
    return list(zip(repos, checkout_names(repos, root), strict=True))


def _sync(run: RunFolder, repo: Repo, name: str, *, root: Path, settings: Settings) -> Checkout:
    return sync_repo(
        repo,
        into=run.workspace_path,
        root=root,
        settings=settings,
        session=run.record.session,
        run_id=run.record.run_id,
        name=name,
    )


def require_pushes(checkouts: Sequence[Checkout], settings: Settings) -> None:
    """Find out now whether what the agent does can be pushed where it should be.

    Raises:
        RepositoryError: in some it cannot; the sentence names each.
    """
    faults: list[RepositoryError] = []
    for checkout in checkouts:
        try:
            require_pushable(checkout, settings)
        except RepositoryError as error:
            faults.append(error)
    if faults:
        raise RepositoryError("; ".join(map(str, faults)), url=faults[0].url)


def starting_folder(run: RunFolder, checkouts: Sequence[Checkout]) -> Path:
    """Where the agent starts: its first repository, or an empty folder."""
    if checkouts:
        return checkouts[0].path
    return run.make_folder(run.workspace_path.name)


def git_states(checkouts: Sequence[Checkout], settings: Settings) -> list[GitState]:
    """How each of them stands.

    Raises:
        RepositoryError: one cannot be read.
    """
    return [git_state(checkout, settings) for checkout in checkouts]


def commit_once(run: RunFolder, *, root: Path, settings: Settings, message: str, now: datetime) -> None:
    """Commit what the agent changed and push or keep it, in each repository whatever becomes of the others.

    What cannot be is noted, and tried again with the next run.
    """
    record = run.record
    if record.done("committed"):
        return
    settled: list[tuple[Checkout, CommitResult]] = []
    faults: list[str] = []
    for repo, name in _named_repos(record, root) if record.done("agent_started") else ():
        try:
            made = reopen_checkout(name, into=run.workspace_path)
            checkout = made or _sync(run, repo, name, root=root, settings=settings)
            settled.append((checkout, _settle(run, checkout, settings=settings, message=message)))
        except RepositoryError as error:
            faults.append(str(error))
    record.commits = [result for _, result in settled]
    if faults:
        run.note("committed", "; ".join(faults))
        return
    _know_own_commits(record, settled, settings)
    run.mark("committed", now)


def _settle(run: RunFolder, checkout: Checkout, *, settings: Settings, message: str) -> CommitResult:
    return commit_and_push(
        checkout,
        message=message,
        run_id=run.record.run_id,
        session=run.record.session,
        settings=settings,
        redact=process_redactor(),
    )


def _know_own_commits(record: RunRecord, settled: Sequence[tuple[Checkout, CommitResult]], settings: Settings) -> None:
    """What a run pushed itself is no change to a later one."""
    if record.change_mark and settled and record.spec.change_gate == GATE_ON_REPOS:
        tips = [known_tip(*pair, settings) for pair in settled]
        checkouts = [checkout for checkout, _ in settled]
        record.change_mark = record.change_mark.model_copy(update={"seen": mark_commits(checkouts, tips)})
