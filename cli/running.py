"""`sessions trigger`: one run now."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import JsonValue

from cli.output import Json, print_json
from cli.parameters import Params, parse_params
from sessions.outcome import Outcome

if TYPE_CHECKING:
    from deployments.runs import RunRow

#: Outcomes after which `--wait` reports success to the shell.
GOOD = (Outcome.COMPLETED, Outcome.NO_CHANGE)


def trigger(
    name: Annotated[str, typer.Argument(help="The session's name.")],
    *,
    schedule: Annotated[
        str, typer.Option(help="The slug of a schedule: the run has its parameters, and is kept with its runs.")
    ] = "",
    param: Params = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end; exit 1 unless it completed.")] = False,
    as_json: Json = False,
) -> None:
    """Start one run now, whatever the schedule says, also while the session is suspended."""
    row = asyncio.run(_trigger(name, parse_params(param), slug=schedule, wait=wait))
    if as_json:
        print_json(row)
    else:
        typer.echo(f"{row.name} ({row.id}): " + (f"{row.outcome}: {row.reason}" if row.outcome else "asked for"))
    if wait and row.outcome not in GOOD:
        raise typer.Exit(1)


async def _trigger(name: str, overrides: dict[str, JsonValue], *, slug: str, wait: bool) -> "RunRow":
    from deployments.runs import as_row  # noqa: PLC0415 - imports Prefect
    from deployments.server import open_client  # noqa: PLC0415
    from deployments.trigger import trigger_session, wait_for_end  # noqa: PLC0415

    async with open_client() as client:
        run = await trigger_session(client, name, overrides, slug=slug)
        return as_row(await wait_for_end(client, run.id) if wait else run)
