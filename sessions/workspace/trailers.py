"""The lines that tie a commit to the session and the run that made it."""

import shlex
from collections.abc import Sequence


def trailer_lines(session: str, run_id: str) -> tuple[str, str]:
    """What every commit of a run ends with."""
    return (f"Session: {' '.join(session.split())}", f"Session-Run: {' '.join(run_id.split())}")


def with_trailers(message: str, session: str, run_id: str, more: Sequence[str] = ()) -> str:
    """`message` as a commit message that ends with the trailers, and with `more` of a person's own."""
    body = message.strip() or "Changes of a scheduled session"
    return "\n".join((body, "", *trailer_lines(session, run_id), *more, ""))


def trailer_hook(session: str, run_id: str, more: Sequence[str] = ()) -> str:
    """A `prepare-commit-msg` hook: the commits that the agent makes itself carry the trailers from the start."""
    # Not `doNothing`: git takes `Session` for the same name as `Session-Run`.
    trailers = " ".join(f"--trailer {shlex.quote(line)}" for line in (*trailer_lines(session, run_id), *more))
    return f'#!/bin/sh\nexec git interpret-trailers --in-place --if-exists addIfDifferent {trailers} "$1"\n'
