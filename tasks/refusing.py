"""Ends a run that could not even begin, and tells those who are told of failures."""

import asyncio
import os
from collections.abc import Mapping
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext

from sessions.channels import open_channel
from sessions.channels.base import Message, Receipt
from sessions.delivery import attempt, delivery_state
from sessions.errors import DeliveryError, SessionError, SettingsError
from sessions.outcome import Delivery, Outcome
from sessions.parameter_values import DeliveryTarget
from sessions.redaction import process_redactor
from sessions.report_message import message_key, new_receipt
from sessions.settings import Settings, read_settings
from sessions.spec import read_targets
from sessions.trouble import known_sentence, mark_trouble
from tasks.flow_runs import DELIVERY_LABEL, OUTCOME_LABEL, TROUBLE_LABEL, as_state
from tasks.telling_once import told_before


async def refuse(parameters: Mapping[str, object], error: SessionError) -> State[None]:
    """The state of a run whose parameters, settings or home cannot be used; its targets hear of it, once each.

    There is no folder to keep receipts in, so nothing is tried again.
    """
    context = FlowRunContext.get()
    run_id = str(context.flow_run.id) if context and context.flow_run else ""
    get_run_logger().error("The run cannot begin: %s", process_redactor()(str(error)))
    targets = read_targets(parameters)
    trouble = mark_trouble(str(error), targets, run_id=run_id)
    if told := await told_before(run_id, trouble) if run_id else "":
        targets = []
    receipts = await _tell(targets, run_id, str(error))
    delivery = delivery_state(run_id, receipts, targets)
    if run_id:
        tags = context.flow_run.tags if context and context.flow_run else []
        heard = not targets or any(receipt.status in ("delivered", "unknown") for receipt in receipts)
        await _show(run_id, delivery, trouble if heard else "", tags)
    return as_state(Outcome.FAILED, f"{error}; {known_sentence(told)}" if told else str(error), delivery)


async def _show(run_id: str, delivery: Delivery, trouble: str, tags: list[str]) -> None:
    labels: dict[str, bool | int | float | str] = {
        OUTCOME_LABEL: Outcome.FAILED.value,
        DELIVERY_LABEL: delivery.value,
        TROUBLE_LABEL: trouble,
    }
    async with get_client() as client:
        await client.update_flow_run_labels(UUID(run_id), labels)
        await client.update_flow_run(UUID(run_id), tags=sorted({*tags, str(Outcome.FAILED), str(delivery)}))


async def _tell(targets: list[DeliveryTarget], run_id: str, sentence: str) -> list[Receipt]:
    try:
        settings = read_settings()
    except SettingsError:  # it may be what the run is refused for: then no channel can be opened either
        return []
    return await asyncio.gather(*(_send(target, run_id, sentence, settings) for target in targets))


async def _send(target: DeliveryTarget, run_id: str, sentence: str, settings: Settings) -> Receipt:
    redact = process_redactor()
    message = Message(
        key=message_key(run_id, target),
        title="❌ A scheduled session could not begin",
        markdown=redact(f"# ❌ A scheduled session could not begin\n\n{sentence}\n\nRun `{run_id}`.\n"),
        session="",
        run_id=run_id,
        outcome=Outcome.FAILED,
    )
    fresh = new_receipt(run_id, target)
    try:
        channel = open_channel(target, settings, os.environ)
    except DeliveryError:
        return fresh
    return await attempt(channel, target, message, fresh, save=lambda _: None, redact=redact, delays=())
