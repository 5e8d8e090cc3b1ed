"""A run's repositories: its own copies before the agent starts, its changes kept or pushed after it ended."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sessions.errors import RepositoryError
from sessions.parameters import GATE_ON_REPOS
from sessions.redaction import process_redactor
from sessions.run_folder import RunFolder, RunRecord
from sessions.settings import Settings
from sessions.workspace import (
    Checkout,
    GitState,
    checkout_names,
    commit_and_push,
    git_state,
    known_tip,
    mark_commits,
    sync_repo,
)


def sync_all(run: RunFolder, *, root: Path, settings: Settings) -> list[Checkout]:
    """The run's own copy of each of its repositories; one that was made before is continued.

    Raises:
        RepositoryError: one cannot be had.
    """
    repos, record = run.record.spec.repos, run.record
    return [
        sync_repo(
            repo,
            into=run.workspace_path,
            root=root,
            settings=settings,
            session=record.session,
            run_id=record.run_id,
            name=name,
        )
        for repo, name in zip(repos, checkout_names(repos, root), strict=True)
    ]


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
    """Commit what the agent changed and push or keep it; what cannot be is noted, and tried again with the next run."""
    record = run.record
    if record.done("committed"):
        return
    try:
        checkouts = sync_all(run, root=root, settings=settings) if record.done("agent_started") else []
        record.commits = [
            commit_and_push(
                checkout,
                message=message,
                run_id=record.run_id,
                session=record.session,
                settings=settings,
                redact=process_redactor(),
            )
            for checkout in checkouts
        ]
        _know_own_commits(record, checkouts, settings)
    except RepositoryError as error:
        run.note("committed", str(error))
        return
    run.mark("committed", now)


def _know_own_commits(record: RunRecord, checkouts: Sequence[Checkout], settings: Settings) -> None:
    """What a run pushed itself is no change to a later one."""
    if record.change_mark and checkouts and record.spec.change_gate == GATE_ON_REPOS:
        tips = [known_tip(*pair, settings) for pair in zip(checkouts, record.commits, strict=True)]
        record.change_mark = record.change_mark.model_copy(update={"seen": mark_commits(checkouts, tips)})
