"""`sessions new`, `check`, `preview` and `deploy`: definitions in git."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.memory_access import AsOf, moment_of
from cli.output import Json, moment, print_json
from cli.parameters import Params, parse_params

if TYPE_CHECKING:
    from deployments.apply import Applied
    from deployments.definitions import Definition

Files = Annotated[list[Path] | None, typer.Argument(help="Definition files; all in deployments/ if none is named.")]


def check(files: Files = None, *, as_json: Json = False) -> None:
    """Check definitions: one line a problem, with file, line, field and remedy. Exit 1 if any is an error."""
    from deployments.check import check_files, errors_in  # noqa: PLC0415
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
    from deployments.checked import load_all, load_checked  # noqa: PLC0415
    from sessions.settings import read_settings  # noqa: PLC0415

    root, settings = Path.cwd(), read_settings()
    definitions = load_checked(files, root, settings) if files else load_all(root, settings)
    if not definitions:
        typer.echo("There is no definition in deployments/; write one with `sessions new`.")
        return
    applied = asyncio.run(_apply(definitions, root))
    if as_json:
        print_json(applied)
    else:
        for item in applied:
            typer.echo(f"{'created' if item.created else 'updated'}  {item.name}" + " (suspended)" * item.suspended)


async def _apply(definitions: "list[Definition]", root: Path) -> "list[Applied]":
    from deployments.apply import apply_definitions  # noqa: PLC0415 - imports Prefect
    from deployments.automations import ensure_automations  # noqa: PLC0415
    from deployments.server import open_client  # noqa: PLC0415

    async with open_client() as client:
        await ensure_automations(client)
        return await apply_definitions(definitions, root=root, client=client)


def preview(
    name_or_file: Annotated[str, typer.Argument(metavar="NAME-or-FILE", help="A session or its definition file.")],
    *,
    as_of: AsOf = "",
    as_json: Json = False,
) -> None:
    """Show the schedule in words, the next three times, and the exact context and prompt; runs nothing."""
    from deployments.preview import find_definition, preview_session  # noqa: PLC0415
    from sessions.settings import read_settings  # noqa: PLC0415

    root, settings = Path.cwd(), read_settings()
    definition = find_definition(name_or_file, root, settings)
    seen = preview_session(definition, root=root, settings=settings, now=datetime.now(UTC), as_of=moment_of(as_of))
    if as_json:
        print_json(seen)
        return
    for schedule in seen.schedules:
        typer.echo(f"schedule  {schedule}")
    typer.echo(f"next      {', '.join(moment(time) for time in seen.next_runs) or 'only when triggered'}")
    for remark in seen.clock_changes:
        typer.echo(f"clocks    {remark}")
    typer.echo(f"model     {seen.model}")
    less = f", but not {', '.join(seen.not_tools)}" if seen.not_tools else ""
    typer.echo(f"tools     {', '.join(seen.tools) or 'none'}{less}")
    if seen.no_memory_at:
        typer.echo(
            f"memory    none at {seen.no_memory_at}; the first run makes it, and until then an agent knows nothing"
        )
    typer.echo(f"\n─── context ───\n{seen.context}\n─── prompt ───\n{seen.prompt}")


def new(
    name: Annotated[str, typer.Argument(help="Display name, up to 50 characters; else made of the prompt.")] = "",
    *,
    prompt: Annotated[str, typer.Option(help="What the agent is asked on every run.")] = "",
    prompt_file: Annotated[str, typer.Option(help="A file in the repository with the prompt.")] = "",
    preset: Annotated[str, typer.Option(help="hourly, daily-9am, weekdays-9am or weekly-monday.")] = "",
    cron: Annotated[str, typer.Option(help="A cron expression of five fields.")] = "",
    every: Annotated[str, typer.Option(help="A fixed interval, such as 6h or 2d.")] = "",
    at: Annotated[str, typer.Option(help="One moment, such as 2027-01-31T09:00.")] = "",
    timezone: Annotated[str, typer.Option(help="On whose clock the schedule is.")] = "UTC",
    description: Annotated[str, typer.Option(help="What the session is for.")] = "",
    param: Params = None,
    as_json: Json = False,
) -> None:
    """Write a definition, and its prompt into a file beside it; nothing is overwritten. Every hour by default."""
    from deployments.new import NewSession, write_definition  # noqa: PLC0415
    from sessions.settings import read_settings  # noqa: PLC0415

    asked = NewSession(
        name=name,
        description=description,
        preset=preset,
        cron=cron,
        every=every,
        at=at,
        timezone=timezone,
        prompt=prompt,
        prompt_file=prompt_file,
        parameters=parse_params(param),
    )
    written = write_definition(asked, read_settings(), root=Path.cwd(), now=datetime.now(UTC))
    if as_json:
        print_json(written)
        return
    for path in filter(None, (written.definition, written.prompt)):
        typer.echo(f"wrote  {path.relative_to(Path.cwd())}")
    typer.echo(f"       {written.schedule}\nNext:  sessions preview {written.name} · sessions deploy")
