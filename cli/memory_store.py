"""What a person does with a memory as a whole: look whether it is well, carry it elsewhere, try again, build anew."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.memory_access import one_line, opened, short
from cli.output import Json, print_json

if TYPE_CHECKING:
    from sessions.learning_retry import Retried
    from sessions.settings import Settings


def doctor(*, as_json: Json = False) -> None:
    """Say what is in the memory, what is old, quarantined or not learned yet, and what to do; exit 1 if runs fail."""
    from sessions.memory_health import examine_memory  # noqa: PLC0415 - imports the memory's models
    from sessions.settings import read_settings  # noqa: PLC0415

    lines = examine_memory(read_settings(), datetime.now(UTC))
    if as_json:
        print_json(lines)
    for line in () if as_json else lines:
        typer.echo(f"{line.status:<5} {line.subject}: {line.found}" + (f"; {line.remedy}" if line.remedy else ""))
    if any(line.status == "fail" for line in lines):
        raise typer.Exit(1)


File = Annotated[str, typer.Argument(metavar="FILE", help="A file of JSON Lines, or - for the standard stream.")]


def export(
    file: File,
    *,
    agent: Annotated[str, typer.Option("--agent", help="Only the memory of this agent.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Write over a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write a memory as JSON Lines, its whole history included: for a copy, or for another store."""
    from sessions.memory.transfer import export_changes  # noqa: PLC0415 - imports the memory's models
    from sessions.memory_files import export_to  # noqa: PLC0415

    with opened() as store:
        if file == "-":
            count = export_changes(store, sys.stdout, agent or None)
        else:
            count = export_to(store, Path(file), agent=agent or None, replace=replace)
    if as_json:
        # On standard error where the memory itself is on the other.
        typer.echo(json.dumps({"file": file, "changes": count}), err=file == "-")
    else:
        typer.echo(f"{count} changes are in {file}", err=True)


def import_(file: File, *, as_json: Json = False) -> None:
    """Take over a memory that was exported; the same again changes nothing. Exit 1 if a line could not be taken over.

    The lines that can be are stored in any case.
    """
    from sessions.memory.transfer import import_changes  # noqa: PLC0415 - imports the memory's models
    from sessions.memory_files import import_from  # noqa: PLC0415

    with opened(make=True) as store:
        done = import_changes(store, sys.stdin.buffer) if file == "-" else import_from(store, Path(file))
    if as_json:
        print_json(done)
    else:
        typer.echo(f"{done.new} changes are new, {done.known} were known")
        for number, fault in done.bad.items():
            typer.echo(f"{file}:{number}: is no change of a memory: {one_line(fault)}", err=True)
        for change, fault in done.void.items():
            typer.echo(f"{file}: change {one_line(change)} was left out: {one_line(fault)}", err=True)
    if done.bad or done.void:
        raise typer.Exit(1)


def reindex(*, as_json: Json = False) -> None:
    """Build the vectors anew with the embedder of SESSIONS_MEMORY_EMBEDDER, all or nothing; may take minutes."""
    from sessions.memory.embedder import open_embedder  # noqa: PLC0415 - imports numpy
    from sessions.settings import read_settings  # noqa: PLC0415

    embedder = open_embedder(read_settings())
    with opened() as store:
        before = store.embedder
        count = store.reindex(embedder)
    if as_json:
        print_json({"observations": count, "before": before, "embedder": embedder.name})
    else:
        typer.echo(f"{count} observations are embedded by {embedder.name!r} now, before by {before or 'none'!r}")


def retry(
    *,
    run: Annotated[str, typer.Option(metavar="ID", help="Only this scheduled run, by its whole id.")] = "",
    as_json: Json = False,
) -> None:
    """Learn from runs and conversations that could not be learned from before; exit 1 if some still cannot.

    Also those that were tried for a week and then given up: their transcripts are kept until they are learned from.
    """
    from sessions.settings import read_settings  # noqa: PLC0415

    tried = asyncio.run(_retry(read_settings(), run))
    if as_json:
        print_json(tried)
    for each in () if as_json else tried:
        what = f"{each.session} {short(each.run_id)}".strip() or "conversation"
        typer.echo(f"{what}: {each.problem or f'learned, {len(each.learned.changes)} changes'}")
    if not as_json and not tried:
        typer.echo("Everything is learned from that ended.")
    if any(each.problem for each in tried):
        raise typer.Exit(1)


async def _retry(settings: "Settings", run: str) -> "list[Retried]":
    from sessions.interactive_learning import learn_what_is_left  # noqa: PLC0415 - imports the extraction
    from sessions.learning_retry import retry_learning  # noqa: PLC0415

    tried = await retry_learning(settings=settings, now=lambda: datetime.now(UTC), run_id=run)
    return tried if run else [*tried, *await learn_what_is_left(settings, datetime.now(UTC))]
