"""`--param name=value`, as several commands take it."""

from typing import Annotated

import typer
from pydantic import JsonValue

from sessions.spec import parse_overrides

Params = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="NAME=VALUE", help="A parameter of the session; may be given several times."),
]


def parse_params(pairs: list[str] | None) -> dict[str, JsonValue]:
    """The parameters as typed.

    Raises:
        SpecError: no `=`, or no such parameter.
    """
    return parse_overrides(pairs or [])
