"""A dispatch's own slot, and the run that it starts for it: one, however often the slot is gone through."""

from datetime import datetime

from prefect import get_run_logger
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterIdempotencyKey
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.runtime import deployment
from prefect.states import Scheduled
from pydantic import AwareDatetime, BaseModel

from sessions.dispatch import Decision, SessionHistory
from sessions.dispatch_rules import DispatchRule
from sessions.errors import ServerError
from tasks.deployed import FLOW_NAME
from tasks.flow_runs import name_of_run, utc_now
from tasks.run_origins import DISPATCH_KEY
from tasks.session_histories import histories_at
from tasks.step import step

DISPATCH_FLOW = "dispatch"
#: The tag of runs that a dispatch started.
DISPATCH_TAG = "dispatch"
DISPATCHED, NOBODY = "Dispatched", "NobodysTurn"


class DispatchSlot(BaseModel, frozen=True):
    """The moment that a dispatch decides for.

    Attributes:
        at: when it was due.
        automatic: a schedule made it, and not a person.
        key: what the run that is started for it is known by.
    """

    at: AwareDatetime
    automatic: bool
    key: str


async def describe_slot(now: datetime) -> DispatchSlot:
    """The slot of the flow run that is being run, which is named after it.

    Raises:
        ServerError: called outside a flow run.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise ServerError("this runs inside a Prefect flow run; start one with `sessions dispatch`")
    run: FlowRun = context.flow_run
    at = run.expected_start_time or now
    async with get_client() as client:
        await client.update_flow_run(run.id, name=name_of_run(deployment.name or DISPATCH_FLOW, at))
    # Two runs of one dispatch for one slot are the same to it; a run without a deployment stands for itself.
    maker = run.deployment_id or run.id
    return DispatchSlot(at=at, automatic=bool(run.auto_scheduled), key=f"{DISPATCH_KEY}{maker}-{at.isoformat()}")


@step("read-histories")
async def read_histories(rules: list[DispatchRule]) -> dict[str, SessionHistory]:
    """What is known now of each session that the rules name."""
    now = utc_now()
    async with get_client() as client:
        return await histories_at(client, {rule.session for rule in rules}, at=now, now=now)


@step("start-session")
async def start_session(decision: Decision, slot: DispatchSlot) -> str:
    """Start the session whose turn it is, unless the slot has started one before; returns the name of the run.

    The run's slot is that of the dispatch, so that its starting deadline counts from there.

    Raises:
        ServerError: the session was deleted meanwhile, or the server refuses the run.
    """
    async with get_client() as client:
        try:
            session = await client.read_deployment_by_name(f"{FLOW_NAME}/{decision.session}")
            run = await client.create_flow_run_from_deployment(
                session.id,
                state=Scheduled(scheduled_time=slot.at, message=_why(decision)),
                idempotency_key=slot.key,
                name=name_of_run(session.name, slot.at),
                tags=[DISPATCH_TAG],
            )
        except ObjectNotFound as error:
            raise ServerError(f"{decision.session} was deleted while its turn came; see `sessions list`") from error
        except PrefectHTTPStatusError as error:
            raise ServerError(f"the server refused the run of {decision.session}: {error.response.text}") from error
    get_run_logger().info("Started %s (%s)", run.name, run.id)
    return run.name


@step("find-started")
async def find_started(slot: DispatchSlot) -> str:
    """The name of the run that the slot has started before; empty if it has not."""
    async with get_client() as client:
        found = await _runs_by_key(client, slot.key)
    return found[0].name if found else ""


async def _runs_by_key(client: PrefectClient, key: str) -> list[FlowRun]:
    by_key = FlowRunFilterIdempotencyKey(any_=[key])
    return await client.read_flow_runs(flow_run_filter=FlowRunFilter(idempotency_key=by_key), limit=1)


def log_decision(decision: Decision) -> None:
    """Log each rule, and why it did or did not match."""
    for item in decision.judgements:
        get_run_logger().info("Rule %s, %s: %s: %s", item.number, item.rule, item.verdict, item.reason)


def started_before(run_name: str) -> State[None]:
    """The state that ends a dispatch whose slot was gone through before."""
    return State(type=StateType.COMPLETED, name=DISPATCHED, message=f"this slot has started {run_name} before")


def state_of_decision(decision: Decision, run_name: str) -> State[None]:
    """The state that ends a dispatch: what it started and by which rule; failed if a rule names what is not there."""
    said = _why(decision) if decision.session else "no rule matches"
    message = f"{said}; started {run_name}" if run_name else said
    if decision.broken:
        faults = "; ".join(f"rule {item.number}, {item.session}: {item.reason}" for item in decision.broken)
        return State(type=StateType.FAILED, message=f"{faults}; {message}")
    return State(type=StateType.COMPLETED, name=DISPATCHED if run_name else NOBODY, message=message)


def _why(decision: Decision) -> str:
    chosen = decision.chosen
    return f"rule {chosen.number}, {chosen.rule}: {chosen.reason}" if chosen else ""
