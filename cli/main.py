"""The `sessions` command."""

import atexit
import gc
import os
import sys
from typing import Annotated

import typer

from cli import (
    definitions,
    demo,
    dispatch,
    doctor,
    hooks,
    listing,
    memory,
    openclaw,
    operations,
    running,
    single_runs,
    stack,
)
from sessions.errors import SessionError
from sessions.zone_names import remember_zone_names

#: For Python's garbage collector, whose own number is 700.
_OBJECTS_BETWEEN_LOOKS = 100_000

app = typer.Typer(
    name="sessions",
    help="AI agents that work on a schedule, unattended, and can be trusted in the morning.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(demo.demo)
app.command("up")(stack.up)
app.command("new")(definitions.new)
app.command("check")(definitions.check)
app.command("preview")(definitions.preview)
app.command("deploy")(definitions.deploy)
app.command("list")(listing.list_all)
app.command("show")(listing.show)
app.command("runs")(listing.runs)
app.command("trigger")(running.trigger)
app.command("dispatch")(dispatch.dispatch)
app.command("doctor")(doctor.doctor)
app.command("suspend")(operations.suspend)
app.command("resume")(operations.resume)
app.command("update")(operations.update)
app.command("delete")(operations.delete)
app.add_typer(single_runs.run, name="run")
app.add_typer(memory.memory, name="memory")
app.add_typer(hooks.hooks, name="hooks")
app.add_typer(openclaw.importing, name="import")
app.add_typer(openclaw.exporting, name="export")


@app.callback()
def _version(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False
) -> None:
    """Print the version where it is asked for."""
    if version:
        from importlib.metadata import version as installed  # noqa: PLC0415 - only here

        typer.echo(installed("scheduled-sessions"))
        raise typer.Exit


def main() -> None:
    """Run the command; what goes wrong is one sentence on standard error, and exit code 1 or 2."""
    # Most of what is made lives until the end: looking for garbage among it, and again at the end, is a tenth each of
    # the time that a command takes.
    gc.set_threshold(_OBJECTS_BETWEEN_LOOKS)
    atexit.register(gc.freeze)
    remember_zone_names()
    try:
        app()
    except SessionError as error:
        print(f"sessions: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    # The edge: what nobody foresaw is one sentence too, and the traceback is there for who asks for it.
    except Exception as error:
        if os.environ.get("SESSIONS_DEBUG"):
            raise
        print(f"sessions: {type(error).__name__}: {error}; set SESSIONS_DEBUG=1 to see where", file=sys.stderr)
        sys.exit(1)
