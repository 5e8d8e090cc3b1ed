"""`make soak`: many sessions due every minute while runs and the worker are killed; prints what became of each slot.

It ends with 1 if a slot has no record, two runs of one session overlapped, or a run is stuck.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prefect.client.schemas.actions import WorkPoolUpdate

from deployments.definitions import load_definitions
from deployments.local_stack import POOL
from tests.fakes.mortal_stack import MortalStack, open_mortal_stack
from tests.fakes.stack import CHECKOUT, a_definition
from tests.soak.killing import kill_now_and_then
from tests.soak.verdict import Verdict, judge, wait_for_the_last

#: A new schedule is taken up within ten seconds; the first whole minute after that is the first that counts.
BEFORE_FIRST_SLOT = timedelta(seconds=15)
A_MINUTE = timedelta(minutes=1)


def main() -> None:
    """Soak, print the verdict as JSON, and say by the exit code whether all is well."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=15, help="how long slots come")
    parser.add_argument("--sessions", type=int, default=50, help="how many sessions are due each minute")
    parser.add_argument("--at-once", type=int, default=6, help="the work pool's limit of runs at once")
    parser.add_argument("--kill-every", type=float, default=10.0, help="seconds between kills; 0 kills nothing")
    parser.add_argument("--seed", type=int, default=7, help="of the dice that pick what is killed")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True) as folder,
        open_mortal_stack(Path(folder)) as stack,
    ):
        verdict = asyncio.run(soak(stack, given))
    sys.stdout.write(json.dumps(verdict.summary(), indent=2) + "\n")
    sys.exit(0 if verdict.is_good else 1)


async def soak(stack: MortalStack, given: argparse.Namespace) -> Verdict:
    """Everything between the start of the stack and the judgement; the stack is left up."""
    stack.start_server()
    names = await deploy(stack, given.sessions, given.at_once)
    stack.start_worker()
    first = (datetime.now(UTC) + BEFORE_FIRST_SLOT + A_MINUTE).replace(second=0, microsecond=0)
    last = first + given.minutes * A_MINUTE
    say(f"{len(names)} sessions are due every minute from {first:%H:%M} to {last:%H:%M} UTC; {stack.url}")
    kills = await kill_now_and_then(stack, random.Random(given.seed), given.kill_every, until=last)  # noqa: S311
    say(f"killed: {dict(kills)}; waiting for the runs of the last slots")
    waited = await wait_for_the_last(stack, names, first, last)
    return await judge(stack, names, first, last, kills=kills, waited_seconds=waited)


async def deploy(stack: MortalStack, count: int, at_once: int) -> list[str]:
    """Deploy the sessions, each with an agent of its own, and housekeeping; returns the sessions' names."""
    sessions = [
        a_definition(f"soak-{number:02}", cron="* * * * *", agent=f"soak-{number:02}", prompt="RUN: echo well")
        for number in range(count)
    ]
    await stack.deploy(*sessions, *load_definitions(CHECKOUT / "prefect.yaml"))
    async with stack.client() as client:
        # Without a limit the worker starts a process for each session at once.
        await client.update_work_pool(POOL, WorkPoolUpdate(concurrency_limit=at_once))
    return [item.name for item in sessions]


def say(line: str) -> None:
    """Progress goes to standard error, so that standard output holds the summary alone."""
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {line}\n")


if __name__ == "__main__":
    main()
