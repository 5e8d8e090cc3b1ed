"""`sessions new`, `check`, `preview` and `deploy`: definitions in git."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import Json, moment, print_json

if TYPE_CHECKING:
    from deployments.apply import Applied

Files = Annotated[list[Path] | None, typer.Argument(help="Definition files; all in deployments/ if none is named.")]


def check(files: Files = None, *, as_json: Json = False) -> None:
    """Check definitions: one line a problem, with file, line, field and remedy. Exit 1 if any is an error."""
    from deployments.check import check_files, errors_in  # noqa: PLC0415 - imports Prefect
    from deployments.definitions import find_definitions  # noqa: PLC0415
    from sessions.settings import read_settings  # noqa: PLC0415

    paths = files or find_definitions(Path.cwd())
    problems = check_files(paths, read_settings(), root=Path.cwd())
    if as_json:
        print_json(problems)
    else:
        for problem in problems:
            typer.echo(str(problem), err=True)
        typer.echo(f"{len(paths)} files, {len(errors_in(problems))} errors")
    if errors_in(problems):
        raise typer.Exit(1)


def deploy(files: Files = None, *, as_json: Json = False) -> None:
    """Check definitions, then apply all of them or none. A suspended session stays suspended."""
    from deployments.server import open_client  # noqa: PLC0415 - imports Prefect
    from deployments.apply import apply_definitions  # noqa: PLC0415
    from deployments.automations import ensure_zombie_automation  # noqa: PLC0415
    from deployments.bring_up import load_checked  # noqa: PLC0415
