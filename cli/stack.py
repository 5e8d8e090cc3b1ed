"""`sessions up`: a whole Prefect on this machine."""

from pathlib import Path
from typing import Annotated

import typer

Port = Annotated[int, typer.Option(min=0, max=65535, help="The server's port; 0 for any that is free.")]


def up(*, port: Port = 4200) -> None:
    """Start the local stack: server, worker, automations and all definitions. Ends with Ctrl-C.

    The server listens on this machine only. Its data is in SESSIONS_HOME.
    """
    from deployments.bring_up import StackOptions, run_stack, wait_until_stopped  # noqa: PLC0415 - imports Prefect
    from deployments.checked import load_all  # noqa: PLC0415
    from deployments.server_password import choose_password  # noqa: PLC0415
    from sessions.settings import read_settings  # noqa: PLC0415

    settings, root = read_settings(), Path.cwd()
    settings.require_model_access()
    options = StackOptions(
        home=settings.home,
        port=port,
        root=root,
        definitions=load_all(root, settings),
        password=choose_password(settings),
    )
    with run_stack(options, say=typer.echo) as stack:
        typer.echo(f"Prefect UI   {stack.address.ui_url}")
        typer.echo(f"For prefect  export PREFECT_API_URL={stack.address.api_url}")
        if stack.address.password:
            typer.echo(f"Password     in {settings.home / 'server-password'}, or your own; the UI asks for it,")
            typer.echo("             `prefect` takes it from PREFECT_API_AUTH_STRING, `sessions` knows it")
        typer.echo("Next         sessions list, sessions trigger NAME --wait; Ctrl-C stops the stack")
        wait_until_stopped(stack)
