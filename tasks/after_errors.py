"""What a session's schedule does after errors: it waits, and makes one attempt at the end of the wait.

The streak is read from the run history each time, and stands nowhere else: from the runs that there are, and from the
lines of those that retention deleted.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterNextScheduledStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.logging.loggers import flow_run_logger
from prefect.states import Scheduled

from sessions.admission import Skip, backing_off, wait_sentence
from sessions.backoff import consecutive_errors, ended_rows, newest_error, newest_first, waits_until
from sessions.outcome import Outcome
from sessions.retention import EndedRun
from sessions.run_record import RunRecord
from tasks.flow_runs import as_state, name_of_run, utc_now
from tasks.kept_rows import read_kept
from tasks.run_origins import ATTEMPT_KEY, SCHEDULE_TAG, is_attempt, schedule_of
from tasks.run_rows import as_ended

#: The server's most at once.
PAGE = 200
#: Runs that were skipped neither make a streak nor end it.
_COUNTED = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED]


async def wait_after_errors(record: RunRecord) -> Skip | None:
    """A Skip if an automatic run comes too soon after errors. The attempt for it is made, if nobody has made it."""
    delays = record.spec.backoff_seconds
    async with get_client() as client:
        run = await client.read_flow_run(UUID(record.run_id))
        if not delays or run.deployment_id is None:
            return None
        ended = await _newest_ends(client, record.session, run.deployment_id, len(delays))
        error, skip = newest_error(ended), backing_off(slot_at=record.slot_at, ended=ended, delays=delays)
        if not skip or not error or run.idempotency_key == _key(error):
            return None
        await _make_attempt(client, run, error, waits_until(ended, delays) or utc_now())
        return skip


async def park_what_comes_too_soon(record: RunRecord) -> None:
    """After an error: end the scheduled runs within the wait as backing_off, and make one attempt at its end.

    The run has ended on the server, since that is when the wait begins. Where no slot is within the wait, the next
    natural one is the next attempt.
    """
    delays = record.spec.backoff_seconds
    if not delays or record.outcome is None or not record.outcome.is_error:
        return
    async with get_client() as client:
        try:
            run = await client.read_flow_run(UUID(record.run_id))
        except ObjectNotFound:
            return
        if run.deployment_id:
            ended = await _newest_ends(client, record.session, run.deployment_id, len(delays))
            await _park(client, record, run, ended)


async def _park(client: PrefectClient, record: RunRecord, run: FlowRun, ended: Sequence[EndedRun]) -> None:
    error, until = newest_error(ended), waits_until(ended, record.spec.backoff_seconds)
    if not error or until is None or until <= utc_now() or run.deployment_id is None:
        return
    if early := await _due_before(client, run.deployment_id, until):
        local = until.astimezone(record.slot_at.tzinfo)
        flow_run_logger(run).warning("%s runs come too soon after it; the next attempt is at %s", len(early), local)
        await _make_attempt(client, early[0], error, until)
        for each in early:
            await _end_as_backing_off(client, record, each, wait_sentence(ended, local))


async def _end_as_backing_off(client: PrefectClient, record: RunRecord, run: FlowRun, reason: str) -> None:
    slot_at = (run.expected_start_time or record.slot_at).astimezone(record.slot_at.tzinfo)
    tags = sorted({*run.tags, f"session:{record.session}", Outcome.BACKING_OFF.value})
    await client.update_flow_run(run.id, name=name_of_run(record.session, slot_at), tags=tags)
    await client.set_flow_run_state(run.id, as_state(Outcome.BACKING_OFF, reason))


async def _make_attempt(client: PrefectClient, instead_of: FlowRun, error: EndedRun, at: datetime) -> None:
    """One run for the error, however often it is asked for, with the parameters of the run that it stands in for."""
    if instead_of.deployment_id is None:
        return
    schedule = schedule_of(instead_of)
    try:
        await client.create_flow_run_from_deployment(
            instead_of.deployment_id,
            parameters=instead_of.parameters,
            state=Scheduled(scheduled_time=max(at, utc_now()), message="the attempt after the wait for errors"),
            idempotency_key=_key(error),
            tags=["back-off", *([SCHEDULE_TAG + schedule] if schedule else [])],
        )
    except PrefectHTTPStatusError as refusal:
        # A definition that was changed meanwhile may not take the parameters; the next natural slot is an attempt too.
        said = refusal.response.text[:300]
        flow_run_logger(instead_of).warning("No attempt at %s: the server refused it: %s", at, said)


def _key(error: EndedRun) -> str:
    return f"{ATTEMPT_KEY}{error.run_id}"


async def _newest_ends(client: PrefectClient, session: str, deployment_id: UUID, count: int) -> list[EndedRun]:
    runs = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_COUNTED))),
        sort=FlowRunSort.END_TIME_DESC,
        limit=min(count, PAGE),
    )
    ended = newest_first(item for item in map(as_ended, runs) if item)
    if not 0 < consecutive_errors(run.outcome for run in ended) < count:
        return ended
    return newest_first([*ended_rows(await read_kept(client, session)), *ended])


async def _due_before(client: PrefectClient, deployment_id: UUID, until: datetime) -> list[FlowRun]:
    runs = await client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
            next_scheduled_start_time=FlowRunFilterNextScheduledStartTime(before_=until),
        ),
        sort=FlowRunSort.NEXT_SCHEDULED_START_TIME_ASC,
        limit=PAGE,
    )
    return [run for run in runs if run.auto_scheduled or is_attempt(run)]
