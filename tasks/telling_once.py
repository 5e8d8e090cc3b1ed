"""Keeps a trouble that people know of from being told again at every slot."""

from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from sessions.delivery import targets_for
from sessions.outcome import Outcome
from sessions.run_folder import RunFolder
from sessions.runners.base import AgentRun
from sessions.trouble import failed_before_first_token, known_sentence, mark_trouble
from tasks.flow_runs import TROUBLE_LABEL

_ENDED = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED]


async def tell_once(run: RunFolder, agent_run: AgentRun) -> None:
    """Mark a run that failed before its first token; nobody is told of what is known, and its reason says so."""
    record = run.record
    if record.trouble or record.agent_end is None or not failed_before_first_token(record, agent_run):
        return
    targets = targets_for(Outcome.FAILED, record.spec)
    record.trouble = mark_trouble(record.agent_end.error, targets, run_id=record.run_id)
    if told := await told_before(record.run_id, record.trouble):
        record.told_before = True
        record.reason = f"{record.reason}; {known_sentence(told)}"
    run.save()


async def told_before(run_id: str, mark: str) -> str:
    """The name of the newest ended run of a run's session, if people know of the same trouble from it; else empty."""
    async with get_client() as client:
        try:
            run = await client.read_flow_run(UUID(run_id))
        except ObjectNotFound:
            return ""
        last = await _newest_ended(client, run)
    if last is None:
        return ""
    return last.name if last.labels.get(TROUBLE_LABEL) == mark else ""


async def _newest_ended(client: PrefectClient, run: FlowRun) -> FlowRun | None:
    if run.deployment_id is None:
        return None
    ended = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_ENDED)))
    of_session = DeploymentFilter(id=DeploymentFilterId(any_=[run.deployment_id]))
    sort = FlowRunSort.END_TIME_DESC
    runs = await client.read_flow_runs(deployment_filter=of_session, flow_run_filter=ended, sort=sort, limit=2)
    return next((each for each in runs if each.id != run.id), None)
