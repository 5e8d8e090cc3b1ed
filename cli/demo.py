"""`sessions demo`: the main job, now, on this machine."""

import os
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from deployments.demonstration import DemoEnd

OFFLINE = (
    "This demo uses the offline model: a script that stands in for a model, so no key is needed. The agent, its tools "
    "and everything around it are real; what it says is not thought up by a model."
)
USE_A_KEY = (
    "For a real model: export ANTHROPIC_API_KEY=… and run it again. Any server that speaks the Messages API will do: "
    "set ANTHROPIC_BASE_URL too."
)


def demo() -> None:
    """Run the nightly code-health session twice over this repository; no key and no server are needed."""
    from deployments.checked import load_all  # noqa: PLC0415 - imports Prefect
    from deployments.demonstration import MAX_COST_USD, RUNS, SESSION, demo_home, run_demo  # noqa: PLC0415
    from sessions.settings import read_settings  # noqa: PLC0415

    settings, root = read_settings(), Path(__file__).resolve().parent.parent
    real = bool(os.environ.get("ANTHROPIC_API_KEY") or os.environ.get("ANTHROPIC_BASE_URL"))
    typer.echo(f"Real API; at most {RUNS} x {MAX_COST_USD:.2f} USD." if real else f"{OFFLINE}\n{USE_A_KEY}")
    definition = next(item for item in load_all(root, settings) if item.name == SESSION)
    home = demo_home(settings.home, datetime.now(UTC))
    end = run_demo(definition, settings, home=home, root=root, say=typer.echo)
    _print_end(end)
    typer.echo("\n" + (f"Spent {_spent(end):.4f} USD at list price." if real else f"{OFFLINE}\n{USE_A_KEY}"))


def _spent(end: "DemoEnd") -> float:
    return sum(run.record.cost_usd for run in end.runs)


def _print_end(end: "DemoEnd") -> None:
    from rich.console import Console  # noqa: PLC0415 - only where Markdown is shown
    from rich.markdown import Markdown  # noqa: PLC0415

    from deployments.demonstration import recalled_lines  # noqa: PLC0415

    first, last = end.runs[0], end.runs[-1]
    Console().rule("the delivered report of the last run")
    Console().print(Markdown(last.report))
    Console().rule()
    known = recalled_lines(last)
    typer.echo(f"The first run started with {len(recalled_lines(first))} observations, the second with {len(known)}:")
    for line in known:
        typer.echo(f"  {line}")
    delivered = [receipt.detail for receipt in last.record.receipts]
    typer.echo(f"\nreport      {', '.join(delivered) or last.folder / 'report.md'}")
    typer.echo(f"memory      {end.home / 'memory.sqlite3'}")
    typer.echo(f"transcript  {last.folder / 'transcript.jsonl'}")
    typer.echo(f"context     {last.folder / 'context.md'}")
    typer.echo("\nNext:  . .venv/bin/activate")
    typer.echo("       sessions new my-session --prompt '…'   a session of your own")
    typer.echo("       sessions up                            server, worker, schedules and the UI")
    typer.echo("       what the agent would be told in a third run, from the memory of this demo:")
    typer.echo(f"       SESSIONS_HOME={shlex.quote(str(end.home))} sessions preview nightly-code-health")
