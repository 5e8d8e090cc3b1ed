"""`sessions doctor`: what is missing or stale, before any token is spent."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import typer

from cli.output import Json, print_json


def doctor(*, as_json: Json = False) -> None:
    """Say what is missing or stale here, on the server and in the sessions, and what to do; exit 1 if runs would fail.

    It looks at the environment of this command; a worker on another machine may have another one.
    """
    from deployments.doctor import examine  # noqa: PLC0415 - imports Prefect
    from sessions.settings import read_settings  # noqa: PLC0415

    lines = asyncio.run(examine(read_settings(), Path.cwd(), datetime.now(UTC)))
    if as_json:
        print_json(lines)
    for line in () if as_json else lines:
        typer.echo(f"{line.status:<5} {line.subject}: {line.found}" + (f"; {line.remedy}" if line.remedy else ""))
    if any(line.status == "fail" for line in lines):
        raise typer.Exit(1)
