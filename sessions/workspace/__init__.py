"""The repositories an agent works on.

A session's repositories are fetched into mirrors that all runs on a machine share. Each run gets working copies of its
own, which the agent may do anything to; what it changed is committed, and pushed or kept, by code that trusts nothing
in them.
"""

from sessions.workspace.address import checkout_names
from sessions.workspace.base import Checkout, Commit, CommitResult, GitState, LeftOut
from sessions.workspace.known_tip import known_tip, mark_commits
from sessions.workspace.publication import commit_and_push
from sessions.workspace.reaching import require_pushable, require_reachable
from sessions.workspace.source_file import SourceFile, read_source_file
from sessions.workspace.state import git_state
from sessions.workspace.unpushed import count_unpushed, forget_run, say_unpushed
from sessions.workspace.working_copy import discard, reopen_checkout, sync_repo

__all__ = [
    "Checkout",
    "Commit",
    "CommitResult",
    "GitState",
    "LeftOut",
    "SourceFile",
    "checkout_names",
    "commit_and_push",
    "count_unpushed",
    "discard",
    "forget_run",
    "git_state",
    "known_tip",
    "mark_commits",
    "read_source_file",
    "reopen_checkout",
    "require_pushable",
    "require_reachable",
    "say_unpushed",
    "sync_repo",
]
