"""Takes the report to each of its targets, and tells of those that did not take it."""

import asyncio
import os
from collections.abc import Awaitable
from typing import cast

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, StateType, TaskRun

from sessions.channels import open_channel
from sessions.channels.base import Message, Receipt
from sessions.delivery import (
    alert_targets,
    delivery_state,
    retry_delays,
    send_once,
    targets_for,
    undelivered,
)
from sessions.errors import DeliveryError
from sessions.parameter_values import DeliveryTarget
from sessions.redaction import process_redactor
from sessions.report import SessionReport
from sessions.report_message import build_alert, build_message, new_receipt
from sessions.run_folder import RunFolder
from sessions.settings import read_settings
from tasks.flow_runs import utc_now

#: The state of a delivery that no further try can help.
REFUSED = "Refused"


async def deliver(run: RunFolder, report: SessionReport) -> None:
    """Take the report to every target at once; what became of each, and of all, stands in the record."""
    record = run.record
    if record.done("delivered"):
        return
    targets = [] if record.told_before else targets_for(report.outcome, record.spec)
    redact = process_redactor()
    await asyncio.gather(*(deliver_to(run, target, build_message(report, target, redact)) for target in targets))
    lost = [receipt for _, receipt in undelivered(record.run_id, record.receipts, targets)]
    # Who is told of failures has had the report itself of a run that failed.
    alerted = [] if record.trouble else alert_targets(record.run_id, record.receipts, targets, record.spec)
    for target in alerted:
        await deliver_to(run, target, build_alert(report, lost, target, redact), purpose="alert")
    record.delivery = delivery_state(record.run_id, record.receipts, targets)
    run.mark("delivered", utc_now())
    get_run_logger().info("Delivery: %s", record.delivery)


async def deliver_to(run: RunFolder, target: DeliveryTarget, message: Message, purpose: str = "report") -> None:
    """Take a message to one target, as often as it is worth; what became of it stands in the record."""
    fresh = new_receipt(run.record.run_id, target, purpose)
    delays = retry_delays(target, read_settings())
    # A function, since Prefect fills in the braces of a text, and an address may have some of its own.
    send = send_to.with_options(
        task_run_name=lambda: f"report to {fresh.target}" if purpose == "report" else fresh.target,
        retries=len(delays),
        retry_delay_seconds=delays,
    )
    await cast("Awaitable[State[None]]", send(run, target, message, fresh, return_state=True))


def can_help(_task: object, _run: TaskRun, state: State) -> bool:
    """Whether another try can help, by the state in which the last one ended."""
    return state.name != REFUSED


@task(name="deliver", cache_policy=NO_CACHE, retry_condition_fn=can_help)
async def send_to(run: RunFolder, target: DeliveryTarget, message: Message, fresh: Receipt) -> State[None]:
    """One try at one target; its receipt is written down before and after."""
    settings, redact = read_settings(), process_redactor()
    receipt = run.receipt(fresh)
    try:
        channel = open_channel(target, settings, os.environ)
        done = await send_once(channel, target, message, receipt, save=run.keep_receipt, redact=redact)
    except DeliveryError as error:
        if run.receipt(fresh).status == "pending":  # it failed before it was tried: an address that cannot be made
            run.keep_receipt(fresh.model_copy(update={"status": "failed", "detail": redact(str(error))}))
        return State(type=StateType.FAILED, name=None if error.retryable else REFUSED, message=redact(str(error)))
    kind = StateType.COMPLETED if done.status == "delivered" else StateType.FAILED
    return State(type=kind, name=done.status.title(), message=f"{done.target}: {done.detail}")
