"""`sessions list`, `show` and `runs`: what there is and how it went."""

import asyncio
import re
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import Json, brief, moment, print_json, print_table, zone_name
from sessions.outcome import Delivery

if TYPE_CHECKING:
    from deployments.overview import SessionView
    from deployments.runs import RunRow

#: Between the words of a phase such as `WaitingInput`.
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
#: Where an id may be cut: at its dashes, so that it reads as one.
_ID_LENGTHS = (8, 13, 18, 23)
Name = Annotated[str, typer.Argument(help="The session's name.")]


def list_all(*, as_json: Json = False) -> None:
    """List every session: its status, schedule, next time and last run."""
    from deployments.overview import list_sessions  # noqa: PLC0415 - imports Prefect
    from deployments.server import open_client  # noqa: PLC0415

    async def read() -> list["SessionView"]:
        async with open_client() as client:
            return await list_sessions(client, datetime.now(UTC))

    views, now = asyncio.run(read()), datetime.now(UTC)
    if as_json:
        print_json(views)
    elif views:
        columns = ["Session", "Status", "Schedule", f"Next, {zone_name(now)}", "Last run", "Outcome"]
        print_table(columns, [_row(view, now) for view in views])
    else:
        typer.echo("No session is deployed. Write one with `sessions new`, then run `sessions deploy`.")


def _row(view: "SessionView", now: datetime) -> list[str]:
    last = view.last_run
    return [
        view.name if _says_the_same(view) else f"{view.name}\n{view.display_name}",
        view.status,
        view.schedule.description if view.schedule else "only when triggered",
        brief(view.state.next_run_at, now),
        brief((last.started_at or last.slot_at) if last else None, now),
        _ending(last) if last else "-",
    ]


def _says_the_same(view: "SessionView") -> bool:
    """Whether the name can be read out of the display name, as that of a new session can."""
    from deployments.names import slug_of  # noqa: PLC0415

    return view.name in (view.display_name, slug_of(view.display_name))


def _ending(row: "RunRow") -> str:
    phase = _WORDS.sub("_", row.phase).lower()
    delivery = row.delivery if row.delivery != Delivery.NOTHING_TO_DELIVER else None
    return " · ".join(str(part) for part in (row.outcome or phase, delivery) if part)


def show(name: Name, *, as_json: Json = False) -> None:
    """Show one session: schedule in words, next three times, last run, state and parameters."""
    from deployments.overview import show_session  # noqa: PLC0415 - imports Prefect
    from deployments.server import open_client  # noqa: PLC0415

    async def read() -> "SessionView":
        async with open_client() as client:
            return await show_session(client, name, datetime.now(UTC))

    view = asyncio.run(read())
    if as_json:
        print_json(view)
    else:
        _print_view(view)


def _print_view(view: "SessionView") -> None:
    named = "" if view.display_name == view.name else f" ({view.display_name})"
    typer.echo(f"{view.name}{named}: {view.status}\n{view.description}\n")
    for schedule in view.schedules:
        typer.echo(f"  schedule    {schedule.description}: {schedule.expr}" + " (suspended)" * (not schedule.active))
    typer.echo(f"  next        {', '.join(map(moment, view.next_runs)) or 'none'}")
    if view.last_run:
        typer.echo(f"  last run    {view.last_run.name} ({view.last_run.id})\n              {_ending(view.last_run)}")
        typer.echo(f"              {view.last_run.reason}")
    typer.echo(f"  errors      {view.state.consecutive_errors} in a row")
    for parameter, value in view.parameters.items():
        typer.echo(f"  {parameter:<11} {value}")


def runs(
    name: Name,
    *,
    days: Annotated[int, typer.Option(min=1, max=30, help="How far to look back.")] = 7,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many, the newest.")] = None,
    as_json: Json = False,
) -> None:
    """List every slot of one session and every other run of the last days, newest first, with what became of it."""
    from deployments.ledger import read_ledger  # noqa: PLC0415 - imports Prefect
    from deployments.server import open_client  # noqa: PLC0415

    async def read() -> list["RunRow"]:
        async with open_client() as client:
            return await read_ledger(client, name, now=datetime.now(UTC), days=days)

    rows, now = asyncio.run(read())[:limit], datetime.now(UTC)
    if as_json:
        print_json(rows)
    elif rows:
        columns = [f"Due, {zone_name(now)}", "By", "Outcome and reason", "Took", "USD", "Run"]
        length = _id_length([row.id for row in rows if row.id])
        print_table(columns, [_run_row(part, length, now) for part in _joined(rows)])
    else:
        typer.echo(f"Nothing was due and nothing was triggered in the last {days} days.")


def _joined(rows: list["RunRow"]) -> list[list["RunRow"]]:
    """The rows, with those in a row of which nothing is known, for the same reason, as one."""
    return [list(part) for _, part in groupby(rows, key=lambda row: row.reason if row.phase == "Unknown" else id(row))]


def _id_length(ids: list[str]) -> int:
    """How much of each id tells it from the others: those that Prefect's scheduler makes together begin alike."""
    return next((length for length in _ID_LENGTHS if len({id_[:length] for id_ in ids}) == len(ids)), len(ids[0]))


def _run_row(rows: list["RunRow"], id_length: int, now: datetime) -> list[str]:
    newest = rows[0]
    due = brief(newest.slot_at, now)
    if len(rows) > 1:
        due = f"{brief(rows[-1].slot_at, now)}\nto {due}\n{len(rows)} slots"
    took = f"{newest.duration_seconds:.0f} s" if newest.started_at else "-"
    cost = f"{newest.cost_usd:.4f}" if newest.cost_usd is not None else "-"
    ended = "\n".join(part for part in (_ending(newest), newest.reason) if part)
    return [due, _by(newest), ended, took, cost, newest.id[:id_length] or "-"]


def _by(row: "RunRow") -> str:
    """What the run came of: the name of a schedule, or something else, with the schedule that it belongs to."""
    if row.origin == "schedule":
        return row.schedule or row.origin
    return "\n".join(part for part in (row.origin, row.schedule) if part)
