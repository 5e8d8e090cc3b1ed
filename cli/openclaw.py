"""`sessions import openclaw` and `sessions export openclaw`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import Json, print_json

if TYPE_CHECKING:
    from deployments.openclaw.report import ExportReport, ImportReport

importing = typer.Typer(help="Take over jobs of another scheduler as definitions.", no_args_is_help=True)
exporting = typer.Typer(help="Write definitions as jobs of another scheduler.", no_args_is_help=True)


@importing.callback()
def _importing() -> None:
    """Take over jobs of another scheduler as definitions."""


@exporting.callback()
def _exporting() -> None:
    """Write definitions as jobs of another scheduler."""


@importing.command("openclaw")
def import_openclaw(
    file: Annotated[Path, typer.Argument(help="OpenClaw's store, such as ~/.openclaw/cron/jobs.json.")],
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the definitions go.")] = Path("deployments"),
    timezone: Annotated[
        str, typer.Option(help="The time zone of OpenClaw's host, for jobs that name none; else this host's.")
    ] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Write what was imported before anew.")] = False,
    as_json: Json = False,
) -> None:
    """Write a definition for each of OpenClaw's jobs, and say what became of every field.

    A bad row is set aside with its reason and the others go on. Exit 1 if there are rows and none was imported.
    """
    from deployments.openclaw.draft import Place  # noqa: PLC0415
    from deployments.openclaw.importing import Import, import_jobs  # noqa: PLC0415
    from deployments.openclaw.timezone import choose_timezone  # noqa: PLC0415
    from sessions.settings import read_settings  # noqa: PLC0415

    asked = Import(
        place=Place(folder=out, root=Path.cwd()),
        settings=read_settings(),
        now=datetime.now(UTC),
        timezone=choose_timezone(timezone),
        replace=replace,
    )
    report = import_jobs(file, asked)
    if as_json:
        print_json(report)
    else:
        _print_import(report)
    if report.quarantined and not report.imported:
        raise typer.Exit(1)


def _print_import(report: "ImportReport") -> None:
    for job in report.imported:
        typer.echo(f"row {job.row}  {job.job!r} is {job.definition}\n  {job.schedule}" + " (suspended)" * job.suspended)
        for note in job.notes:
            typer.echo(f"  {note}")
        typer.echo(f"  only kept for an export: {', '.join(job.kept)}")
    for row in report.quarantined:
        typer.echo(f"row {row.row}  {row.job!r} was set aside: {row.reason}", err=True)
    for remark in report.notes:
        typer.echo(f"{report.file}: {remark}", err=True)
    typer.echo(f"{len(report.imported)} imported, {len(report.quarantined)} set aside")
    if report.imported:
        typer.echo("Next:  sessions check · sessions preview NAME · sessions deploy")


@exporting.command("openclaw")
def export_openclaw(
    *,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The store to write; else it is printed.")] = None,
    source: Annotated[Path, typer.Option("--from", metavar="DIR", help="Where the definitions are.")] = Path(
        "deployments"
    ),
    replace: Annotated[bool, typer.Option("--replace", help="Write over a file that is there.")] = False,
) -> None:
    """Write the definitions as OpenClaw's jobs; on standard error, what of them it has no place for.

    Exit 1 if there are definitions and none was exported.
    """
    from deployments.openclaw.exporting import export_jobs, write_store  # noqa: PLC0415

    exported = export_jobs(source, root=Path.cwd())
    if out:
        write_store(exported, out, replace=replace)
    else:
        print_json(exported.store)
    _print_export(exported.report, out)
    if exported.report.left_out and not exported.report.exported:
        raise typer.Exit(1)


def _print_export(report: "ExportReport", out: Path | None) -> None:
    for job in report.exported:
        for note in job.notes:
            typer.echo(f"{job.session}: {note}", err=True)
    for session in report.left_out:
        typer.echo(f"{session.session} was left out: {session.reason}", err=True)
    written = f" into {out}" if out else ""
    typer.echo(f"{len(report.exported)} exported{written}, {len(report.left_out)} left out", err=True)
