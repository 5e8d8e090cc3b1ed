"""How the command prints: tables for people, JSON for programs."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

import typer
from pydantic import BaseModel, JsonValue

#: Within it a day is told by its month.
_A_SEASON = timedelta(days=120)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


Printable = BaseModel | dict[str, JsonValue]


def print_json(value: Printable | Sequence[Printable]) -> None:
    """Print models as JSON."""
    if isinstance(value, BaseModel):
        print(value.model_dump_json(indent=2))
    elif isinstance(value, dict):
        print(json.dumps(value, indent=2))
    else:
        listed = [item.model_dump(mode="json") if isinstance(item, BaseModel) else item for item in value]
        print(json.dumps(listed, indent=2))


def print_listed(listed: Sequence[Printable], columns: list[str], rows: list[list[str]], *, as_json: bool) -> None:
    """Print what was found: as JSON, or its rows under columns; that there is none is said too."""
    if as_json:
        print_json(listed)
    elif listed:
        print_table(columns, rows)
    else:
        typer.echo("There is none.")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under columns, folded to the width of the terminal."""
    from rich import box  # noqa: PLC0415 - only where a table is printed
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        # The first column is what is typed into the next command: never broken.
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    # Looking for numbers and paths to colour would take as long as the rest.
    Console(markup=False, highlight=False).print(table)


def zone_name(now: datetime) -> str:
    """This machine's zone as its clock is set now, for the head of a column of `brief` times."""
    return f"{now.astimezone():%Z}"


def brief(value: datetime | None, now: datetime) -> str:
    """A time on this machine's clock for a narrow column: its year where that is not plain, its zone where another."""
    if value is None:
        return "-"
    local = value.astimezone()
    day = f"{local:%a %m-%d %H:%M}" if abs(value - now) < _A_SEASON else f"{local:%Y-%m-%d %H:%M}"
    return day if zone_name(value) == zone_name(now) else f"{day} {zone_name(value)}"


def moment(value: datetime | None) -> str:
    """A time on this machine's clock, with its zone; a dash where there is none."""
    return f"{value.astimezone():%Y-%m-%d %H:%M %Z}" if value else "-"
