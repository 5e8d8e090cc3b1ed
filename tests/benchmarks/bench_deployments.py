"""How long deploying and listing many sessions takes, against Prefect's own command where it does the same.

Each number is the whole command as a person runs it, the start of its process included, against a server of its own.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from prefect.client.schemas.objects import State, StateType
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Scheduled

from deployments.apply import apply_definitions
from deployments.definition_text import render_definition
from deployments.definitions import find_definitions, load_definitions
from deployments.local_stack import api_url, free_port, run_server
from deployments.prefect_server import prefect_client
from sessions.schedule import CronSchedule

ROOT = Path(__file__).resolve().parents[2]
DEPLOYED, LISTED, ROUNDS = 100, 1000, 5
COMMAND_SECONDS = 600
#: As of people: most at one of a few times, on all days or working days.
_CRONS = [f"{minute} {hour} * * {days}" for hour in range(5, 11) for minute in (0, 30) for days in ("*", "1-5")]


def measure() -> dict[str, float]:
    """Seconds, and the ratio of the two ways to deploy the same number of definitions."""
    with _server() as (root, environment):
        _write_definitions(root, "warm", 1)
        _timed(root, environment, "sessions", "deploy")  # makes the work pool, and fills caches
        _write_definitions(root, "ours", DEPLOYED)
        ours = _timed(root, environment, "sessions", "deploy", *_files(root, "ours"))
        again = _timed(root, environment, "sessions", "deploy", *_files(root, "ours"))
        _write_definitions(root, "theirs", DEPLOYED)
        one_file = _in_one_file(root, "theirs")
        theirs = _timed(root, environment, "prefect", "--no-prompt", "deploy", "--prefect-file", one_file, "--all")
        asyncio.run(_fill(root, environment["PREFECT_API_URL"]))
        listed = median(_timed(root, environment, "sessions", "list", "--json") for _ in range(ROUNDS))
    return {
        f"deploy_{DEPLOYED}_s": ours,
        f"deploy_{DEPLOYED}_again_s": again,
        f"prefect_deploy_all_{DEPLOYED}_s": theirs,
        "prefect_deploy_over_deploy": theirs / ours,
        f"list_{LISTED}_s": listed,
    }


@contextmanager
def _server() -> Iterator[tuple[Path, dict[str, str]]]:
    """A server, and a repository without definitions with the environment of commands in it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        (root / "deployments").mkdir(parents=True)
        (root / "flows").symlink_to(ROOT / "flows")
        home, port = Path(folder) / "home", free_port()
        with run_server(home, port):
            local = {
                "PREFECT_API_URL": api_url(port),
                "PREFECT_HOME": str(home / "prefect"),
                "SESSIONS_HOME": str(home),
            }
            yield root, os.environ | local


def _write_definitions(root: Path, prefix: str, count: int) -> None:
    for number in range(count):
        schedule = CronSchedule(cron=_CRONS[number % len(_CRONS)], timezone="Europe/Berlin")
        text = render_definition(
            name=f"{prefix}-{number:03}",
            description="Looks at the code.",
            schedule=schedule,
            parameters={"prompt": "Look at the code."},
        )
        (root / "deployments" / f"{prefix}-{number:03}.yaml").write_text(text)


def _files(root: Path, prefix: str) -> list[str]:
    return [str(path.relative_to(root)) for path in sorted((root / "deployments").glob(f"{prefix}-*.yaml"))]


def _in_one_file(root: Path, prefix: str) -> str:
    """The same definitions in one file, since Prefect's command takes one."""
    texts = [(root / name).read_text() for name in _files(root, prefix)]
    path = root / f"{prefix}.yaml"
    path.write_text("deployments:\n" + "".join(text.partition("deployments:\n")[2] for text in texts))
    return path.name


def _timed(root: Path, environment: dict[str, str], name: str, *arguments: str) -> float:
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
    )
    if done.returncode:
        raise SystemExit(f"{name} {arguments[0]}: {done.stdout}{done.stderr}")
    return time.perf_counter() - began


async def _fill(root: Path, url: str) -> None:
    """Bring the server to so many sessions that a listing is worth measuring, each with one run that is over."""
    there = len(find_definitions(root))
    _write_definitions(root, "more", LISTED - there)
    definitions = [item for name in _files(root, "more") for item in load_definitions(root / name)]
    with temporary_settings({PREFECT_API_URL: url}):
        async with prefect_client() as client:
            applied = await apply_definitions(definitions, client, root=root)
            ended_at = datetime.now(UTC) - timedelta(hours=3)
            for item in applied:
                due = Scheduled(scheduled_time=ended_at)
                run = await client.create_flow_run_from_deployment(item.deployment_id, state=due)
                await client.set_flow_run_state(run.id, State(type=StateType.COMPLETED), force=True)


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name:45} {value:8.2f}")
