"""Kills runs, and now and then the server, or the worker with or without its runs."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime

import psutil

from tests.fakes.mortal_stack import MortalStack

LOOK_SECONDS = 1.0
#: Of so many kills one is of the worker alone, one of the worker with all its runs, and one of the server.
OF_ALL = 30
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
    match dice.randrange(OF_ALL):
        case 0:
            killed, kill, start = "worker", stack.kill_worker, stack.start_worker
        case 1:
            killed, kill, start = "worker with runs", stack.kill_worker_with_its_runs, stack.start_worker
        case 2:
            killed, kill, start = "server", stack.kill_server, stack.start_server
        case _:
            return _kill_a_run(stack, dice)
    kill()
    await asyncio.sleep(RESTART_SECONDS)
    start()
    return killed


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
