"""Runs that the automations forgot: the server that was to watch them was down or busy, or they are switched off."""

import asyncio
from datetime import datetime, timedelta

from prefect import get_run_logger
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType

from tasks.deployed import FLOW_NAME
from tasks.flow_runs import utc_now
from tasks.pages import PAGE
from tasks.signs_of_life import HEARTBEAT_SECONDS
from tasks.step import step

#: Much longer than any silence of a run that lives: it beats every 30 s, and the automations wait for 90 and 100 s.
SILENCE = timedelta(minutes=10)
#: How long to listen once more: a server that was down heard nobody, and a run that lives beats twice meanwhile.
LISTEN_SECONDS = 2.0 * HEARTBEAT_SECONDS + 5
_AT_WORK = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]


@step("crash-silent-runs")
async def crash_silent_runs() -> int:
    """Mark runs as crashed that nothing was heard of for ten minutes, so that their slot is free; returns how many."""
    said = f"nothing was heard of it for {SILENCE.seconds // 60} min: its process, worker or machine died"
    async with get_client() as client:
        silent = await _silent(client)
        if silent:
            await _listen()
            still = {run.id for run in await _silent(client)}
            silent = [run for run in silent if run.id in still]
        for run in silent:
            await client.set_flow_run_state(run.id, State(type=StateType.CRASHED, message=said))
            get_run_logger().warning("%s is crashed: %s", run.name, said)
    return len(silent)


async def _listen() -> None:
    await asyncio.sleep(LISTEN_SECONDS)


async def _silent(client: PrefectClient) -> list[FlowRun]:
    since = utc_now() - SILENCE
    quiet = [run for run in await _at_work(client) if run.state and run.state.timestamp < since]
    return [run for run in quiet if not await _was_heard_of(client, run, since)]


async def _at_work(client: PrefectClient) -> list[FlowRun]:
    found: list[FlowRun] = []
    while page := await client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW_NAME])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_AT_WORK))),
        limit=PAGE,
        offset=len(found),
    ):
        found += page
    return found


async def _was_heard_of(client: PrefectClient, run: FlowRun, since: datetime) -> bool:
    """Whether the server has an event of the run since a moment; a heartbeat is one."""
    about = {"resource": {"id": [f"prefect.flow-run.{run.id}"]}, "occurred": {"since": since.isoformat()}}
    answer = await client.request("POST", "/events/filter", json={"filter": about, "limit": 1})
    return bool(answer.json()["total"])
