"""`sessions hooks`: what a person's own Claude Code has of us."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.memory_access import agent_name
from cli.output import Json, print_json

if TYPE_CHECKING:
    from hooks.installation import Change, Installed, Scope

hooks = typer.Typer(
    help="Have your own Claude Code start with what an agent knows, and feed the same memory.", no_args_is_help=True
)


@hooks.callback()
def _hooks() -> None:
    """Have your own Claude Code start with what an agent knows, and feed the same memory."""


User = Annotated[bool, typer.Option("--user", help="In ~/.claude/settings.json: in all your projects.")]
Project = Annotated[
    bool, typer.Option("--project", help="In .claude/settings.json of this folder, which is the default.")
]
Local = Annotated[
    bool, typer.Option("--local", help="In .claude/settings.local.json of this folder, which is yours alone.")
]


@hooks.command()
def install(
    *,
    user: User = False,
    project: Project = False,
    local: Local = False,
    agent: Annotated[str, typer.Option(help="Whose memory your conversations read and feed.")] = "main",
    as_json: Json = False,
) -> None:
    """Write our hooks into Claude Code's settings; everything else there stays as it is.

    SessionStart tells it what the agent knows and what waits to be discussed, Stop and SessionEnd learn from what was
    said, and the loop guard notices when it goes in circles. The memory is the one of this environment, whatever is
    set where Claude Code is started.
    """
    from hooks.installation import install as put_in  # noqa: PLC0415

    agent = agent_name(agent)
    scope, path = _chosen(user=user, project=project, local=local)
    change = put_in(scope, path, agent=agent, python=sys.executable, environment=os.environ)
    _print_change(change, "installed", "they are there already", as_json)
    for other in _elsewhere(change.installed):
        typer.echo(f"{other.path} has them too, for agent {', '.join(other.agents)}: {_beside(scope, other)}", err=True)


@hooks.command()
def uninstall(*, user: User = False, project: Project = False, local: Local = False, as_json: Json = False) -> None:
    """Take exactly our hooks out of Claude Code's settings. What was learned stays in memory."""
    from hooks.installation import uninstall as take_out  # noqa: PLC0415

    change = take_out(*_chosen(user=user, project=project, local=local))
    _print_change(change, "taken out", "there are none of ours", as_json)


@hooks.command()
def status(*, as_json: Json = False) -> None:
    """Say where our hooks are installed, for which agent, and what is missing of them; exit 1 if one cannot work."""
    found = _everywhere()
    if as_json:
        print_json(found)
    for installed in () if as_json else found:
        typer.echo(f"{installed.path}: {_said(installed)}")
    if any(installed.events and (installed.missing or installed.broken) for installed in found):
        raise typer.Exit(1)


def _said(installed: "Installed") -> str:
    if not installed.events:
        return "none of ours"
    agents = f"agent {', '.join(installed.agents)}; {', '.join(installed.events)}"
    missing = f"; missing: {', '.join(installed.missing)}" if installed.missing else ""
    broken = f"; not there any more: {', '.join(installed.broken)}" if installed.broken else ""
    return agents + missing + broken + "; install them again" * bool(missing or broken)


def _chosen(*, user: bool, project: bool, local: bool) -> "tuple[Scope, Path]":
    from hooks.installation import settings_path  # noqa: PLC0415

    if user + project + local > 1:
        raise typer.BadParameter("give one of them", param_hint="--user, --project, --local")
    scope: Scope = "user" if user else "local" if local else "project"
    return scope, settings_path(scope, project=Path.cwd(), environment=os.environ)


def _everywhere() -> "list[Installed]":
    from hooks.installation import SCOPES, read_installed, settings_path  # noqa: PLC0415

    paths = {scope: settings_path(scope, project=Path.cwd(), environment=os.environ) for scope in SCOPES}
    return [read_installed(scope, path) for scope, path in paths.items()]


def _elsewhere(installed: "Installed") -> "list[Installed]":
    """Where else hooks of ours are, other than these; the same command Claude Code calls once."""
    others = (other for other in _everywhere() if other.path.resolve() != installed.path.resolve())
    return [other for other in others if other.events and set(other.commands) != set(installed.commands)]


def _beside(scope: "Scope", other: "Installed") -> str:
    if "user" in (scope, other.scope):
        return "in a project with hooks of its own, those are used"
    return "both are called; take one out"


def _print_change(change: "Change", done: str, nothing: str, as_json: bool) -> None:
    if as_json:
        print_json(change)
        return
    typer.echo(f"{change.installed.path}: {done if change.changed else nothing}")
    if change.changed and change.installed.events:
        typer.echo(f"  {_said(change.installed)}")
        typer.echo(
            "  A conversation is learned from with your model key, as a scheduled run is; see `sessions doctor`."
        )
