"""Names runs as missed that can only be too late, without a process for each."""

import time
from contextlib import suppress
from datetime import datetime
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse, SetStateStatus
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound, PrefectException

from sessions.admission import Skip
from sessions.errors import RunFolderError
from sessions.locks import HeldError, held
from sessions.outcome import Delivery
from sessions.settings import read_settings
from sessions.spec import SessionSpec
from tasks.deployed import FLOW_NAME
from tasks.flow_runs import (
    COST_LABEL,
    DELIVERY_LABEL,
    OUTCOME_LABEL,
    as_state,
    name_of_run,
    too_late,
    utc_now,
    zone_of,
)
from tasks.pages import PAGE
from tasks.step import step

#: Runs that nobody has begun. One that waits to be tried again, or to be resumed, is called otherwise.
_WAITING = FlowRunFilterState(name=FlowRunFilterStateName(any_=["Scheduled", "Late"]))
#: The slot of the run that does this is not free meanwhile, and the next slot may be a minute away.
MOST, MOST_SECONDS = 200, 10.0


@step("miss-late-runs")
async def miss_late_runs() -> int:
    """End runs that wait longer than their starting deadline allows as missed, the oldest first; returns how many.

    After an outage hundreds of them may wait. A process that starts only to say so takes seconds, and what is due
    meanwhile would be late for it too. One run at a time does this for the others, for up to 200 of them and 10 s.
    """
    try:
        with held(read_settings().home, "late-runs"):
            count = await _miss_late_runs()
    except HeldError:
        return 0
    except (httpx.HTTPError, PrefectException, RunFolderError) as error:
        get_run_logger().warning("Runs that waited too long cannot be named as missed for now: %s", error)
        return 0
    if count:
        get_run_logger().warning("%s runs that waited too long are missed", count)
    return count


async def _miss_late_runs() -> int:
    count, until, sessions = 0, time.monotonic() + MOST_SECONDS, dict[UUID, DeploymentResponse]()
    async with get_client() as client:
        for late in await _late_runs(client, utc_now()):
            if time.monotonic() > until:
                break
            # Deleted meanwhile, or a deployment that is gone: housekeeping takes such a run away.
            with suppress(ObjectNotFound):
                count += await _miss(client, late.id, sessions)
    return count


async def _late_runs(client: PrefectClient, now: datetime) -> list[FlowRun]:
    """The oldest of them. Others may wait before them that may start however late."""
    due = FlowRunFilter(state=_WAITING, expected_start_time=FlowRunFilterExpectedStartTime(before_=now))
    late, read = list[FlowRun](), 0
    while len(late) < MOST:
        page = await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW_NAME])),
            flow_run_filter=due,
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=PAGE,
            offset=read,
        )
        late += [run for run in page if too_late(run, now)]
        read += len(page)
        if len(page) < PAGE:
            break
    return late[:MOST]


async def _miss(client: PrefectClient, run_id: UUID, sessions: dict[UUID, DeploymentResponse]) -> bool:
    """End one as missed, with all that it would show if it had done so itself; not one that was taken meanwhile."""
    run = await client.read_flow_run(run_id)
    skip = too_late(run, utc_now())
    if not skip or run.state_type is not StateType.SCHEDULED or run.run_count or run.deployment_id is None:
        return False
    if run.deployment_id not in sessions:
        sessions[run.deployment_id] = await client.read_deployment(run.deployment_id)
    await _show(client, run, sessions[run.deployment_id], skip)
    ended = await client.set_flow_run_state(run.id, as_state(skip.outcome, skip.reason))
    return ended.status is SetStateStatus.ACCEPT


async def _show(client: PrefectClient, run: FlowRun, session: DeploymentResponse, skip: Skip) -> None:
    outcome, delivery = skip.outcome.value, Delivery.NOTHING_TO_DELIVER.value
    agent = run.parameters.get("agent", SessionSpec.model_fields["agent"].default)
    slot_at = (run.expected_start_time or utc_now()).astimezone(zone_of(session, run))
    tags = {*run.tags, f"session:{session.name}", f"agent:{agent}", outcome, delivery}
    await client.update_flow_run(run.id, name=name_of_run(session.name, slot_at), tags=sorted(tags))
    await client.update_flow_run_labels(run.id, {OUTCOME_LABEL: outcome, DELIVERY_LABEL: delivery, COST_LABEL: 0.0})
