"""The flow run as Prefect keeps it: what it is at the start, and what it shows at the end."""

from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound
from pydantic import BaseModel, TypeAdapter, ValidationError

from sessions.admission import Skip, missed
from sessions.errors import RunFolderError, ServerError
from sessions.outcome import Delivery, Outcome
from sessions.parameters import StartingDeadlineSeconds
from sessions.redaction import process_redactor
from sessions.run_record import NO_DEPLOYMENT, RunRecord
from sessions.spec import SessionSpec
from sessions.trouble import was_told
from tasks.deployed import FLOW_NAME, is_suspended
from tasks.run_origins import is_automatic

__all__ = ["FLOW_NAME"]

#: What Prefect says when CANCEL_NEW turned a run away, before it began or while its process was being started.
TURNED_AWAY = ("concurrency limit reached", "concurrency slot lost")
#: Labels of a flow run, for programs; tags and state names say the same to people.
OUTCOME_LABEL, DELIVERY_LABEL, COST_LABEL = "sessions.outcome", "sessions.delivery", "sessions.cost_usd"

#: The state of a run that waits for an answer. It stays RUNNING: a paused one loses its slot (ADR 0025).
WAITING = "WaitingInput"
#: The tag of a run whose agent asked something, whatever became of it.
ASKED_TAG = "asked"
#: On a run in which an agent worked, whatever ended it.
AGENT_LABEL = "sessions.agent_started"
#: What a completed run was given, for the change gate of later ones.
CHANGE_LABEL = "sessions.change_mark"
#: What kept a run from its first token and people know of, so that a later one does not tell of it again.
TROUBLE_LABEL = "sessions.trouble"
_DEADLINE: TypeAdapter[int] = TypeAdapter(StartingDeadlineSeconds)

_OUTCOMES = {outcome.state_name: outcome for outcome in Outcome}
_BY_TYPE = {
    StateType.COMPLETED: Outcome.COMPLETED,
    StateType.FAILED: Outcome.FAILED,
    StateType.CANCELLED: Outcome.STOPPED,
    StateType.CRASHED: Outcome.CRASHED,
}


class Start(BaseModel, frozen=True):
    """How this flow run began.

    Attributes:
        record: what is known of it at the start.
        automatic: nobody asked for it: it is a schedule's or a dispatch's, or the attempt after errors.
        suspended: the schedule that made it, or all of its session's, are switched off.
    """

    record: RunRecord
    automatic: bool
    suspended: bool = False


async def describe_start(spec: SessionSpec, now: datetime) -> Start:
    """The record of the flow run that is being run, named after its session and slot.

    Raises:
        ServerError: called outside a flow run.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise ServerError("this runs inside a Prefect flow run; start one with `sessions trigger`")
    run: FlowRun = context.flow_run
    deployment = await _deployment(run.deployment_id)
    session = deployment.name if deployment else NO_DEPLOYMENT
    slot_at = (run.expected_start_time or now).astimezone(zone_of(deployment, run))
    record = RunRecord(
        run_id=str(run.id),
        run_name=name_of_run(session, slot_at),
        session=session,
        spec=spec,
        slot_at=slot_at,
        opened_at=now,
    )
    return Start(
        record=record,
        automatic=is_automatic(run),
        suspended=deployment is not None and (is_suspended(deployment, now) or _is_switched_off(deployment, run)),
    )


def _is_switched_off(deployment: DeploymentResponse, run: FlowRun) -> bool:
    maker = run.created_by.id if run.auto_scheduled and run.created_by else None
    return any(item.id == maker and not item.active for item in deployment.schedules)


def name_of_run(session: str, slot_at: datetime) -> str:
    """What a run is called: its session, and its slot on the clock of `slot_at`."""
    return f"{session} · {slot_at:%Y-%m-%d %H:%M %Z}"


async def _deployment(deployment_id: UUID | None) -> DeploymentResponse | None:
    if deployment_id is None:
        return None
    async with get_client() as client:
        try:
            return await client.read_deployment(deployment_id)
        except ObjectNotFound:
            return None


def zone_of(deployment: DeploymentResponse | None, run: FlowRun) -> ZoneInfo:
    """The zone of the schedule that made the run; of the session's first one where a person did."""
    maker = run.created_by.id if run.created_by else None
    schedules = sorted(deployment.schedules if deployment else [], key=lambda item: item.id != maker)
    named = (getattr(item.schedule, "timezone", None) for item in schedules)
    return ZoneInfo(next((zone for zone in named if zone), "UTC"))


async def show_start(record: RunRecord) -> None:
    """Give the flow run its name and its tags."""
    context = FlowRunContext.get()
    tags = context.flow_run.tags if context and context.flow_run else []
    wanted = {*tags, f"session:{record.session}", f"agent:{record.spec.agent}"}
    async with get_client() as client:
        await client.update_flow_run(UUID(record.run_id), name=record.run_name, tags=sorted(wanted))


async def show_ending(record: RunRecord) -> None:
    """Put outcome, delivery and cost on the flow run, as labels for programs and as tags to filter by in the UI."""
    run_id = UUID(record.run_id)
    endings = {OUTCOME_LABEL: record.outcome, DELIVERY_LABEL: record.delivery}
    said = _given({name: str(value or "") for name, value in endings.items()})
    marks = {
        CHANGE_LABEL: str(record.change_mark or ""),
        TROUBLE_LABEL: _told_trouble(record),
        AGENT_LABEL: "yes" if record.done("agent_started") else "",
    }
    async with get_client() as client:
        try:
            run = await client.read_flow_run(run_id)
        except ObjectNotFound:
            return  # deleted meanwhile
        await client.update_flow_run_labels(run_id, {**said, **_given(marks), COST_LABEL: record.cost_usd})
        tags = {*run.tags, *said.values(), *([ASKED_TAG] if record.questions else [])}
        await client.update_flow_run(run_id, name=record.run_name, tags=sorted(tags))


def _told_trouble(record: RunRecord) -> str:
    told = record.told_before or was_told(record.run_id, record.receipts, record.spec)
    return record.trouble if told else ""


def _given(labels: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if value}


def state_of(record: RunRecord) -> State[None]:
    """The Prefect state that ends a run whose outcome is decided.

    Raises:
        RunFolderError: it is not.
    """
    if record.outcome is None:
        raise RunFolderError(f"run {record.run_id} has no outcome yet")
    return as_state(record.outcome, record.reason, record.delivery)


def as_state(outcome: Outcome, reason: str, delivery: Delivery | None = None) -> State[None]:
    """The Prefect state that ends a run: the outcome is its name, the reason and the delivery its message."""
    said = f"; {delivery}" if delivery and delivery is not Delivery.NOTHING_TO_DELIVER else ""
    message = process_redactor()(f"{reason}{said}")
    return State(type=StateType(outcome.state_type), name=outcome.state_name, message=message)


def outcome_of_flow_run(run: FlowRun) -> Outcome | None:
    """The outcome that a flow run's final state stands for, also where Prefect itself ended it; None until it ends."""
    state = run.state
    if state is None or not state.is_final():
        return None
    named = _OUTCOMES.get(state.name or "")
    if named and named.state_type == state.type.value:
        return named
    turned_away = why_turned_away(run)
    return turned_away.outcome if turned_away else _BY_TYPE[state.type]


def why_turned_away(run: FlowRun) -> Skip | None:
    """Why Prefect's limit ended a run before it began, in this project's words; None for any other run.

    After an outage a worker takes the runs of all slots that passed at once: one gets the session's slot and ends as
    missed, the limit turns the others away. They were missed too.
    """
    said = (run.state.message or "") if run.state and run.state.type is StateType.CANCELLED else ""
    if not any(words in said for words in TURNED_AWAY):
        return None
    if run.end_time and (late := too_late(run, run.end_time)):
        return late
    reason = f"another run of the session was at work: {said.rstrip('.')}"
    return Skip(outcome=Outcome.SKIPPED_OVERLAP, reason=reason)


def too_late(run: FlowRun, at: datetime) -> Skip | None:
    """Why a run that begins only at that moment is missed; None where it may begin."""
    if not run.expected_start_time:
        return None
    default = SessionSpec.model_fields["starting_deadline_seconds"].default
    try:
        deadline = _DEADLINE.validate_python(run.parameters.get("starting_deadline_seconds", default))
    except ValidationError:
        return None  # a run that begins will say what is wrong
    return missed(slot_at=run.expected_start_time, now=at, deadline_seconds=deadline, automatic=is_automatic(run))


async def read_state(run_id: str) -> State[None] | None:
    """Where Prefect thinks a flow run is; None if it knows it no more."""
    async with get_client() as client:
        try:
            return (await client.read_flow_run(UUID(run_id))).state
        except ObjectNotFound:
            return None


async def correct_state(record: RunRecord) -> None:
    """Give a run whose own process is gone the state of its outcome, where the server has it in another."""
    if record.outcome is None:
        return
    there, right = await read_state(record.run_id), state_of(record)
    if there is None or there.name == right.name:
        return
    async with get_client() as client:
        with suppress(ObjectNotFound):
            await client.set_flow_run_state(UUID(record.run_id), right, force=True)
    await show_ending(record)


def utc_now() -> datetime:
    """Now, as an aware datetime."""
    return datetime.now(UTC)
