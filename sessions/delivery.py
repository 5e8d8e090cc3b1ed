"""Who gets the report, whether it got there, and who hears of it if it did not.

Each target has a receipt that is written down before and after every attempt, so that a run which dies in between
neither loses a message nor sends one twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from pydantic import JsonValue

from sessions.channels.base import Channel, Message, Receipt
from sessions.errors import DeliveryError
from sessions.outcome import Delivery, Outcome
from sessions.parameter_values import DeliveryTarget
from sessions.redaction import Redactor
from sessions.report_message import message_key, new_receipt
from sessions.settings import Settings
from sessions.spec import SessionSpec

DIED_WHILE_SENDING = "the process died while sending; it may have arrived, so it is not sent again"
#: Ends at which no agent ran: there is nothing to report, and the run's own state says why.
_WITHOUT_REPORT = {Outcome.NO_CHANGE, Outcome.SKIPPED_OVERLAP, Outcome.MISSED, Outcome.BACKING_OFF}

Save = Callable[[Receipt], None]


def targets_for(outcome: Outcome, spec: SessionSpec) -> list[DeliveryTarget]:
    """Who gets the report of a run that ended so: `delivery`, and `failure_delivery` when somebody has to look.

    Targets of mode `none` get nothing, and a target that is named twice gets it once.
    """
    if outcome in _WITHOUT_REPORT:
        return []
    needs_a_look = outcome.state_type in ("FAILED", "CRASHED")
    return _active([*spec.delivery, *(spec.failure_delivery if needs_a_look else [])])


def _active(targets: Sequence[DeliveryTarget]) -> list[DeliveryTarget]:
    by_address: dict[tuple[str, str], DeliveryTarget] = {}
    for target in targets:
        if target.mode != "none":
            by_address.setdefault((target.channel, target.to), target)
    return list(by_address.values())


async def send_once(
    channel: Channel, target: DeliveryTarget, message: Message, receipt: Receipt, *, save: Save, redact: Redactor
) -> Receipt:
    """One attempt; every state on the way is given to `save` before the next thing happens.

    A receipt that says `delivered` or `unknown` is final and comes back as it is. One that says `sending` was left
    by a process that died: the message goes out again only where the receiver can tell a repetition.

    Raises:
        DeliveryError: the target did not take it; the receipt saved last says `failed`. `retryable` tells whether
            another call can help.
    """
    if receipt.status in ("delivered", "unknown"):
        return receipt
    if receipt.status == "sending" and not channel.repeatable:
        return _saved(receipt, save, status="unknown", detail=DIED_WHILE_SENDING)
    receipt = _saved(receipt, save, status="sending", detail="", attempts=receipt.attempts + 1)
    try:
        where = await channel.send(message, target.to)
    except DeliveryError as error:
        detail = redact(str(error))
        _saved(receipt, save, status="failed", detail=detail)
        raise DeliveryError(f"{receipt.target}: {detail}", retryable=error.retryable) from error
    return _saved(receipt, save, status="delivered", detail=redact(where))


def _saved(receipt: Receipt, save: Save, **changes: JsonValue) -> Receipt:
    changed = Receipt.model_validate(receipt.model_dump() | changes)
    save(changed)
    return changed


def retry_delays(target: DeliveryTarget, settings: Settings) -> list[float]:
    """Seconds to wait before each further try, doubling; none for a target of best effort."""
    if target.best_effort:
        return []
    return [settings.delivery_retry_seconds * 2**n for n in range(settings.delivery_retries)]


async def attempt(
    channel: Channel,
    target: DeliveryTarget,
    message: Message,
    receipt: Receipt,
    *,
    save: Save,
    redact: Redactor,
    delays: Sequence[float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Receipt:
    """All attempts at one target, for a caller who does not retry on its own; how it ended is in the receipt.

    Args:
        channel: takes the message there.
        target: where it goes.
        message: what goes.
        receipt: as it was saved last, or `new_receipt`.
        save: writes a receipt down.
        redact: cleans what the channel says.
        delays: from `retry_delays`.
        sleep: waits.
    """
    latest = receipt

    def keep(changed: Receipt) -> None:
        nonlocal latest
        latest = changed
        save(changed)

    for delay in [*delays, None]:
        try:
            return await send_once(channel, target, message, latest, save=keep, redact=redact)
        except DeliveryError as error:
            if delay is None or not error.retryable:
                break
            await sleep(delay)
    return latest


def delivery_state(run_id: str, receipts: Sequence[Receipt], targets: Sequence[DeliveryTarget]) -> Delivery:
    """The run's word for its delivery; one target that did not get the report is enough, best effort or not."""
    if not _active(targets):
        return Delivery.NOTHING_TO_DELIVER
    return Delivery.DELIVERY_FAILED if undelivered(run_id, receipts, targets) else Delivery.DELIVERED


def alert_targets(
    run_id: str, receipts: Sequence[Receipt], targets: Sequence[DeliveryTarget], spec: SessionSpec
) -> list[DeliveryTarget]:
    """Who is told that a report did not get through: `failure_delivery`, but for those that failed themselves.

    Nobody, if everything got through or only targets of best effort failed.
    """
    lost = undelivered(run_id, receipts, targets)
    if not any(not target.best_effort for target, _ in lost):
        return []
    failed = {(target.channel, target.to) for target, _ in lost}
    return [target for target in _active(spec.failure_delivery) if (target.channel, target.to) not in failed]


def undelivered(
    run_id: str, receipts: Sequence[Receipt], targets: Sequence[DeliveryTarget]
) -> list[tuple[DeliveryTarget, Receipt]]:
    """Targets that did not get the report, each with what is known of it."""
    by_key = {receipt.key: receipt for receipt in receipts}
    known = [
        (target, by_key.get(message_key(run_id, target), new_receipt(run_id, target))) for target in _active(targets)
    ]
    return [(target, receipt) for target, receipt in known if receipt.status != "delivered"]
