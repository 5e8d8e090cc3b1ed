"""Whose turn it is: explicit rules, and not a model, decide which session runs."""

from prefect import flow
from prefect.client.schemas.objects import State

from sessions.admission import missed
from sessions.dispatch import decide
from sessions.dispatch_rules import Rules, SessionsPerDay
from sessions.errors import SessionError
from sessions.outcome import Outcome
from sessions.parameters import StartingDeadlineSeconds
from tasks.dispatching import (
    DISPATCH_FLOW,
    DispatchSlot,
    describe_slot,
    find_started,
    log_decision,
    read_histories,
    start_session,
    started_before,
    state_of_decision,
)
from tasks.flow_runs import as_state, utc_now
from tasks.signs_of_life import signs_of_life


@flow(name=DISPATCH_FLOW, persist_result=False)
async def dispatch(
    rules: Rules, sessions_per_day: SessionsPerDay = 0, starting_deadline_seconds: StartingDeadlineSeconds = 300
) -> State[None]:
    """Start the session of the first rule that matches, once for each slot of this schedule.

    A rule is passed over while a run of its session is at work, and when its day is done.

    Args:
        rules: Read from the top; the first that matches wins.
        sessions_per_day: So many runs of all these sessions a day, in the zone of the rule that would match. 0: any
            number.
        starting_deadline_seconds: A slot that is gone through later than this is recorded as missed, and starts
            nothing. 0: however late.
    """
    try:
        slot = await describe_slot(now := utc_now())
        deadline = starting_deadline_seconds
        if skip := missed(slot_at=slot.at, now=now, deadline_seconds=deadline, automatic=slot.automatic):
            return as_state(skip.outcome, skip.reason)
        with signs_of_life():
            return await dispatch_once(slot, rules, sessions_per_day)
    except SessionError as error:
        return as_state(Outcome.FAILED, str(error))


async def dispatch_once(slot: DispatchSlot, rules: Rules, sessions_per_day: int) -> State[None]:
    """Decide for a slot and start the session, unless the slot has started one before."""
    if before := await find_started(slot):
        return started_before(before)
    decision = decide(rules, slot.at, await read_histories(rules), sessions_per_day=sessions_per_day)
    log_decision(decision)
    run_name = await start_session(decision, slot) if decision.session else ""
    return state_of_decision(decision, run_name)
