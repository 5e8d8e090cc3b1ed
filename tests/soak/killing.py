"""Kills runs, and now and then the worker with or without its runs."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime

import psutil

from tests.fakes.mortal_stack import MortalStack

LOOK_SECONDS = 1.0
#: Of thirty kills, so many are those of the worker alone, and of the worker with all its runs.
WORKER_ALONE, WORKER_AND_RUNS, OF_ALL = 1, 1, 30
RESTART_SECONDS = 3.0


async def kill_now_and_then(
    stack: MortalStack, dice: random.Random, every_seconds: float, until: datetime
) -> Counter[str]:
    """Kill something every so many seconds until a moment; returns what was killed how often."""
    kills = Counter[str]()
    next_at = datetime.now(UTC).timestamp() + every_seconds
    while (now := datetime.now(UTC)) < until:
        if every_seconds and now.timestamp() >= next_at:
            kills[await _kill_something(stack, dice)] += 1
            next_at += every_seconds
        await asyncio.sleep(LOOK_SECONDS)
    return kills


async def _kill_something(stack: MortalStack, dice: random.Random) -> str:
    pick = dice.randrange(OF_ALL)
    if pick >= WORKER_ALONE + WORKER_AND_RUNS:
        return _kill_a_run(stack, dice)
    if pick < WORKER_ALONE:
        stack.kill_worker()
    else:
        stack.kill_worker_with_its_runs()
    await asyncio.sleep(RESTART_SECONDS)
    stack.start_worker()
    return "worker" if pick < WORKER_ALONE else "worker with runs"


def _kill_a_run(stack: MortalStack, dice: random.Random) -> str:
    running = [process for process in stack.run_processes() if _is_a_run(process)]
    if not running:
        return "nothing"
    try:
        dice.choice(running).kill()
    except psutil.NoSuchProcess:
        return "nothing"
    return "run"


def _is_a_run(process: psutil.Process) -> bool:
    try:
        return "prefect" in " ".join(process.cmdline())
    except psutil.Error:
        return False
