"""What a scheduled run costs beside its model: against the bare CLI, from the slot, from the trigger, in memory.

Every run is real: a Prefect server and worker, the Claude Code CLI, and the offline model, which answers at once.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import psutil
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Scheduled

from deployments.bring_up import RunningStack, StackOptions, run_stack
from deployments.definitions import load_definitions
from deployments.trigger import trigger_session, wait_for_end
from sessions.offline import open_offline_model, read_script
from sessions.offline.running import OfflineModel
from sessions.runners.claude_launch import find_cli

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 5
#: Longer than the worker's ten seconds of prefetching, so that the run's process is there before its slot.
AHEAD = timedelta(seconds=14)
SAMPLE_SECONDS = 0.05
PROMPT = "Say that all is well."
LEARNED = {
    "observations": [],
    "journal": dict.fromkeys(("theme", "built", "noticed", "changed", "assumptions", "next"), ""),
}
SCRIPT = f"""
rules:
  - when: {{json_schema: true}}
    answer: {{blocks: [{{text: '{json.dumps(LEARNED)}'}}]}}
  - answer: {{blocks: [{{text: "All is well."}}]}}
"""
DEFINITION = f"""
deployments:
  - name: bench
    entrypoint: flows/scheduled_session.py:scheduled_session
    concurrency_limit: {{limit: 1, collision_strategy: CANCEL_NEW}}
    work_pool: {{name: sessions}}
    parameters: {{prompt: "{PROMPT}"}}
"""


def measure() -> dict[str, float]:
    """Seconds and megabytes; medians of several runs."""
    with tempfile.TemporaryDirectory() as folder, _model(Path(folder)) as model:
        home = Path(folder)
        environment = {**os.environ, "ANTHROPIC_BASE_URL": model.base_url, "ANTHROPIC_API_KEY": "offline"}
        (home / "bench.yaml").write_text(DEFINITION)
        options = StackOptions(
            home=home, port=0, root=ROOT, definitions=load_definitions(home / "bench.yaml"), environment=environment
        )
        with run_stack(options, say=lambda line: print(line, file=sys.stderr)) as stack:
            return asyncio.run(_measure(stack, model, environment, home))


@contextmanager
def _model(folder: Path) -> Iterator[OfflineModel]:
    script = folder / "script.yaml"
    script.write_text(SCRIPT)
    with open_offline_model(read_script(script)) as model:
        yield model


async def _measure(
    stack: RunningStack, model: OfflineModel, environment: dict[str, str], home: Path
) -> dict[str, float]:
    await _triggered(model)  # fills caches, as every run but a machine's first finds them
    slots = [await _scheduled(model) for _ in range(ROUNDS)]
    peak = PeakMemory(stack.worker.pid)
    with peak:
        triggers = [await _triggered(model) for _ in range(ROUNDS)]
    bare = median(_bare_cli(environment, home) for _ in range(ROUNDS))
    whole = median(run.total_run_time.total_seconds() for run, _ in (*slots, *triggers))
    return {
        "whole_run_s": whole,
        "bare_cli_s": bare,
        "overhead_over_bare_cli_s": whole - bare,
        "whole_run_over_bare_cli": whole / bare,
        "slot_to_first_request_s": median(seconds for _, seconds in slots),
        "trigger_to_first_request_s": median(seconds for _, seconds in triggers),
        "peak_memory_of_a_run_mb": peak.megabytes,
    }


async def _scheduled(model: OfflineModel) -> tuple[FlowRun, float]:
    slot = datetime.now(UTC) + AHEAD
    async with get_client() as client:
        deployment = await client.read_deployment_by_name("scheduled-session/bench")
        run = await client.create_flow_run_from_deployment(deployment.id, state=Scheduled(scheduled_time=slot))
        return await _first_request(model, run, slot)


async def _triggered(model: OfflineModel) -> tuple[FlowRun, float]:
    async with get_client() as client:
        asked_at = datetime.now(UTC)
        return await _first_request(model, await trigger_session(client, "bench", {}), asked_at)


async def _first_request(model: OfflineModel, run: FlowRun, since: datetime) -> tuple[FlowRun, float]:
    # The model's clock is monotonic; the slot's is the wall's.
    seen, offset = len(model.requests), time.time() - time.monotonic()
    async with get_client() as client:
        ended = await wait_for_end(client, run.id)
    if ended.state_name != "Completed":
        raise SystemExit(f"the run ended as {ended.state}")
    return ended, model.requests[seen].arrived + offset - since.timestamp()


def _bare_cli(environment: dict[str, str], home: Path) -> float:
    begin = time.monotonic()
    subprocess.run(
        [find_cli(), "-p", PROMPT, "--output-format", "json"],
        env={**environment, "HOME": str(home), "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"},
        cwd=home,
        check=True,
        capture_output=True,
        timeout=60,
    )
    return time.monotonic() - begin


class PeakMemory:
    """The most that all processes below one used at a time, beyond what they used before."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._base = self._now()
        self._peak = self._base

    @property
    def megabytes(self) -> float:
        return (self._peak - self._base) / 1e6

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _now(self) -> int:
        total = 0
        for child in self._process.children(recursive=True):
            try:
                total += child.memory_info().rss
            except psutil.Error:
                continue
        return total

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self._peak = max(self._peak, self._now())
