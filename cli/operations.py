"""`sessions suspend`, `resume`, `update` and `delete`: what is done with a session that is there."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from pydantic import JsonValue

from cli.output import Json, moment, print_json
from cli.parameters import Params, parse_params
from sessions.errors import SpecError

if TYPE_CHECKING:
    from deployments.changes import SessionUpdate
    from deployments.deletion import Deleted, Deletion, DeletionPlan
    from deployments.suspension import Switched
    from deployments.update import Updated

Name = Annotated[str, typer.Argument(help="The session's name.")]
#: What `--clear` takes beside the names of parameters.
CLEARABLE = ("name", "description", "schedule", "timezone")


def suspend(name: Name, *, as_json: Json = False) -> None:
    """Stop a session's schedules: nothing new starts, also after a deploy. A run that is at work goes on."""
    from deployments.server import open_client  # noqa: PLC0415 - imports Prefect
    from deployments.suspension import suspend_session  # noqa: PLC0415

    async def switch() -> "Switched":
        async with open_client() as client:
            return await suspend_session(client, name)

    switched = asyncio.run(switch())
    if as_json:
        print_json(switched)
        return
    typer.echo(f"{name}: Suspended" + " (it was already)" * (not switched.changed))
    if switched.called_off:
        typer.echo(f"  {switched.called_off} runs that were due and had not begun ended as stopped")


def resume(name: Name, *, as_json: Json = False) -> None:
    """Start a suspended session's schedules again; the next run is at the next scheduled time."""
    from deployments.server import open_client  # noqa: PLC0415 - imports Prefect
    from deployments.suspension import resume_session  # noqa: PLC0415

    async def switch() -> "Switched":
        async with open_client() as client:
            return await resume_session(client, name, datetime.now(UTC))

    switched = asyncio.run(switch())
    if as_json:
        print_json(switched)
        return
    typer.echo(f"{name}: Active" + " (it was already)" * (not switched.changed))
    ahead = moment(switched.next_run_at) if switched.next_run_at else "none; its moment is past"
    typer.echo(f"  next  {ahead}")


def update(
    name: Name,
    *,
    display_name: Annotated[str | None, typer.Option("--name", help="Display name, up to 50 characters.")] = None,
    description: Annotated[str | None, typer.Option(help="What the session is for.")] = None,
    preset: Annotated[str | None, typer.Option(help="hourly, daily-9am, weekdays-9am or weekly-monday.")] = None,
    cron: Annotated[str | None, typer.Option(help="A cron expression of five fields.")] = None,
    every: Annotated[str | None, typer.Option(help="A fixed interval, such as 6h or 2d.")] = None,
    at: Annotated[str | None, typer.Option(help="One moment, such as 2027-01-31T09:00.")] = None,
    timezone: Annotated[str | None, typer.Option(help="On whose clock the schedule is.")] = None,
    schedule: Annotated[str, typer.Option(metavar="SLUG", help="Which schedule, where there are several.")] = "",
    prompt: Annotated[str | None, typer.Option(help="What the agent is asked on every run.")] = None,
    prompt_file: Annotated[str | None, typer.Option(help="A file in the repository with the prompt.")] = None,
    param: Params = None,
    clear: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD",
            help="Back to its default: name, description, schedule, timezone or a parameter. May be repeated.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Change any combination of fields; the others stay. All is checked before anything changes.

    The definition in deployments/ is rewritten with its comments, and deployed where the server has the session.
    """
    given = {
        "name": display_name,
        "description": description,
        "preset": preset,
        "cron": cron,
        "every": every,
        "at": at,
        "timezone": timezone,
        "prompt": prompt,
        "prompt_file": prompt_file,
    }
    fields: dict[str, JsonValue] = {field: value for field, value in given.items() if value is not None}
    updated = asyncio.run(_update(name, _as_update(fields, schedule, parse_params(param), clear or [])))
    if as_json:
        print_json(updated)
        return
    for problem in updated.warnings:
        typer.echo(str(problem), err=True)
    for path in updated.files:
        typer.echo(f"wrote     {os.path.relpath(path)}")
    if updated.deployed:
        typer.echo(f"deployed  {name}")
    if updated.note:
        typer.echo(f"          {updated.note}")


def _as_update(
    fields: dict[str, JsonValue], slug: str, parameters: dict[str, JsonValue], clear: list[str]
) -> "SessionUpdate":
    from deployments.changes import SessionUpdate  # noqa: PLC0415
    from sessions.spec import SessionSpec  # noqa: PLC0415

    known = [*CLEARABLE, *SessionSpec.model_fields]
    for field in clear:
        if field not in known:
            raise SpecError(f"--clear {field}: is no field; there are {', '.join(known)}", field=field)
        if field in fields or field in parameters:
            raise SpecError(f"{field} is both given and cleared; do one of them", field=field)
    # A schedule that is cleared is due as a new session is by default.
    names = {"schedule": "preset"}
    fields |= {names.get(field, field): None for field in clear if field in (*CLEARABLE, "prompt", "prompt_file")}
    # The prompt may be given as a parameter too.
    fields |= {field: parameters.pop(field) for field in ("prompt", "prompt_file") if field in parameters}
    parameters |= {field: None for field in clear if field not in (*CLEARABLE, "prompt", "prompt_file")}
    chosen: dict[str, JsonValue] = {"slug": slug} if slug else {}
    return SessionUpdate.model_validate(fields | chosen | ({"parameters": parameters} if parameters else {}))


async def _update(name: str, changes: "SessionUpdate") -> "Updated":
    from deployments.server import open_client_if_up  # noqa: PLC0415 - imports Prefect
    from deployments.update import update_session  # noqa: PLC0415
    from sessions.settings import read_settings  # noqa: PLC0415

    async with open_client_if_up() as client:
        return await update_session(
            name, changes, client=client, settings=read_settings(), root=Path.cwd(), now=datetime.now(UTC)
        )


def delete(
    name: Name,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    running: Annotated[
        Literal["cancel", "leave"], typer.Option(help="What becomes of a run that is at work.")
    ] = "cancel",
    forget_memory: Annotated[
        bool, typer.Option("--forget-memory", help="Its agent forgets all; refused if another session has the agent.")
    ] = False,
    with_definition: Annotated[
        bool, typer.Option("--with-definition", help="Remove it from deployments/ too; a deploy would bring it back.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Delete a session: its schedules and coming runs at once, its history in the background. Its memory is kept."""
    from deployments.deletion import Deletion, require_possible  # noqa: PLC0415 - imports Prefect

    how = Deletion(running=running, forget_memory=forget_memory, with_definition=with_definition)
    if not yes:
        plan = asyncio.run(_plan(name))
        require_possible(plan, how)
        _ask(plan, how)
    deleted = asyncio.run(_delete(name, how))
    if as_json:
        print_json(deleted)
    else:
        _print_deleted(deleted)


def _ask(plan: "DeletionPlan", how: "Deletion") -> None:
    lines = [f"schedules: {plan.schedules}; runs of history: {plan.history}"]
    lines += [f"{run} is at work: {'cancelled' if how.running == 'cancel' else 'goes on'}" for run in plan.at_work]
    lines.append(f"memory of agent {', '.join(plan.agents)}: {'forgotten' if how.forget_memory else 'kept'}")
    if plan.definition:
        fate = "removed" if how.with_definition else "stays, and a deploy would bring the session back"
        lines.append(f"{os.path.relpath(plan.definition)}: {fate}")
    typer.echo(f"Delete {plan.name}?\n" + "\n".join(f"  {line}" for line in lines), err=True)
    typer.confirm("Delete it", abort=True, err=True)


async def _plan(name: str) -> "DeletionPlan":
    from deployments.deletion import plan_deletion  # noqa: PLC0415 - imports Prefect
    from deployments.server import open_client  # noqa: PLC0415

    async with open_client() as client:
        return await plan_deletion(client, name, Path.cwd())


async def _delete(name: str, how: "Deletion") -> "Deleted":
    from deployments.deletion import delete_session  # noqa: PLC0415 - imports Prefect
    from deployments.server import open_client  # noqa: PLC0415
    from sessions.settings import read_settings  # noqa: PLC0415

    async with open_client() as client:
        return await delete_session(client, name, how, settings=read_settings(), root=Path.cwd(), now=datetime.now(UTC))


def _print_deleted(deleted: "Deleted") -> None:
    typer.echo(f"{deleted.name}: deleted")
    for run in deleted.cancelled:
        typer.echo(f"  {run}: cancelled")
    for run in deleted.left:
        typer.echo(f"  {run}: goes on")
    if deleted.forgotten:
        typer.echo(
            f"  forgot {deleted.forgotten.observations} observations, {deleted.forgotten.entries} journal entries"
        )
    if deleted.history or deleted.cancelled or deleted.left:
        typer.echo(f"  {deleted.note}")
    if deleted.definition:
        removed = (
            "removed" if deleted.definition_removed else "is still there, and a deploy would bring the session back"
        )
        typer.echo(f"  {deleted.definition} {removed}")
