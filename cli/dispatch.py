"""`sessions dispatch`: whose turn it is, and by which rule."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import Json, print_json
from cli.running import GOOD
from sessions.schedule import parse_at

if TYPE_CHECKING:
    from deployments.dispatching import Explanation
    from deployments.runs import RunRow
    from sessions.dispatch import Judgement

_MARKS = {"chosen": "→", "behind": "·", "no_match": "·", "broken": "!"}


def dispatch(
    name: Annotated[str, typer.Argument(help="The dispatch, where several are defined.")] = "",
    *,
    explain: Annotated[
        bool, typer.Option("--explain", help="Start nothing: say of each rule why it does or does not match.")
    ] = False,
    at: Annotated[str, typer.Option(metavar="ISO", help="With --explain: at this moment, UTC without offset.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Without --explain: wait until it has decided.")] = False,
    as_json: Json = False,
) -> None:
    """Have the dispatch start the session whose turn it is now, also while it is suspended; or explain its rules."""
    if at and not explain:
        raise typer.BadParameter("goes with --explain only", param_hint="--at")
    if wait and explain:
        raise typer.BadParameter("does not go with --explain, which starts nothing", param_hint="--wait")
    if not explain:
        _start(name, wait=wait, as_json=as_json)
        return
    now = datetime.now(UTC)
    explained = asyncio.run(_explain(name, parse_at(at) if at else now, now))
    if as_json:
        print_json(explained)
    else:
        _print(explained)


async def _explain(name: str, at: datetime, now: datetime) -> "Explanation":
    from deployments.dispatching import explain_dispatch, find_defined  # noqa: PLC0415 - imports Prefect
    from deployments.server import open_client_if_up  # noqa: PLC0415
    from sessions.settings import read_settings  # noqa: PLC0415

    defined = find_defined(name, Path.cwd(), read_settings())
    async with open_client_if_up() as client:
        return await explain_dispatch(defined, client, at=at, now=now)


def _print(explained: "Explanation") -> None:
    decision = explained.decision
    turn = f"{decision.session} (agent {explained.agent})" if decision.session else "nobody"
    typer.echo(f"{explained.dispatch} at {decision.at:%Y-%m-%d %H:%M %Z}: {turn}")
    for judgement in decision.judgements:
        typer.echo("\n".join(_lines(judgement)))
    for note in explained.notes:
        typer.echo(f"Note: {note}")


def _lines(judgement: "Judgement") -> list[str]:
    head = f"{_MARKS[judgement.verdict]} {judgement.number}. {judgement.rule}"
    said = "starts it" if judgement.verdict == "chosen" else "no"
    return [head, f"     {said}: {judgement.reason}"]


def _start(name: str, *, wait: bool, as_json: bool) -> None:
    row = asyncio.run(_dispatch(name, wait=wait))
    if as_json:
        print_json(row)
    else:
        typer.echo(f"{row.name} ({row.id}): " + (row.reason if row.outcome else "asked for"))
    if wait and row.outcome not in GOOD:
        raise typer.Exit(1)


async def _dispatch(name: str, *, wait: bool) -> "RunRow":
    from deployments.dispatching import dispatch_now, find_defined  # noqa: PLC0415 - imports Prefect
    from deployments.runs import as_row  # noqa: PLC0415
    from deployments.server import open_client  # noqa: PLC0415
    from deployments.trigger import wait_for_end  # noqa: PLC0415
    from sessions.settings import read_settings  # noqa: PLC0415

    defined = find_defined(name, Path.cwd(), read_settings())
    async with open_client() as client:
        run = await dispatch_now(client, defined.definition.name)
        return as_row(await wait_for_end(client, run.id) if wait else run)
