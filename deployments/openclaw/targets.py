"""Where an answer goes, in OpenClaw's words and in those of a session."""

import re
from collections.abc import Sequence
from typing import Literal

from deployments.openclaw.job import Delivery
from deployments.openclaw.report import Note
from sessions.channels.telegram_chat import parse_chat
from sessions.errors import DeliveryError, SpecError
from sessions.parameter_values import ChannelName, DeliveryTarget

_KEPT = "the report stays with the run; add a target under `delivery:`"
_TELEGRAM_PREFIX = re.compile(r"(telegram|tg):(group:)?", re.IGNORECASE)


def target_of(delivery: Delivery | None) -> tuple[DeliveryTarget | None, str]:
    """The target of a job; where a session cannot reach it, None and why.

    Raises:
        SpecError: a webhook without an address.
    """
    if delivery is None:
        return None, f"is missing, so OpenClaw announces to the chat that was used last; {_KEPT}"
    if delivery.mode == "webhook":
        if not delivery.to:
            raise SpecError("delivery.to: is missing; a webhook needs its address", field="delivery.to")
        return _target(delivery, "webhook", delivery.to), ""
    if delivery.channel == "telegram" and delivery.to:
        return _telegram(delivery, delivery.to)
    if delivery.mode == "none" and delivery.channel in (None, "last"):
        return None, ""
    return None, _unreachable(delivery)


def unused_fields(delivery: Delivery | None) -> dict[str, str]:
    """The fields that the target of a job does without, each with the reason."""
    if delivery is None or target_of(delivery)[0] is None:
        return {}
    if delivery.mode == "webhook":
        given = {"channel": delivery.channel, "threadId": delivery.thread_id}
        return {f"delivery.{field}": "means nothing to a webhook" for field, value in given.items() if value}
    if delivery.thread_id and ":" in _chat(delivery.to or ""):
        return {"delivery.threadId": "stands beside the topic in delivery.to, which counts"}
    return {}


def _target(delivery: Delivery, channel: ChannelName, to: str) -> DeliveryTarget:
    mode: Literal["announce", "none"] = "none" if delivery.mode == "none" else "announce"
    return DeliveryTarget(mode=mode, channel=channel, to=to, best_effort=delivery.best_effort or False)


def _telegram(delivery: Delivery, to: str) -> tuple[DeliveryTarget | None, str]:
    chat = _chat(to)
    if delivery.thread_id and ":" not in chat:
        chat = f"{chat}:topic:{delivery.thread_id}"
    try:
        parse_chat(chat)
    except DeliveryError as error:
        return None, f"{to!r} cannot be reached: {error}; {_KEPT}"
    return _target(delivery, "telegram", chat), ""


def _chat(to: str) -> str:
    return _TELEGRAM_PREFIX.sub("", to, count=1)


def _unreachable(delivery: Delivery) -> str:
    if delivery.channel in (None, "last"):
        return f"goes to the chat that was used last, which only OpenClaw knows; {_KEPT}"
    if delivery.channel in ("slack", "discord"):
        return (
            f"goes to {delivery.channel} through a bot, which a session has not; add {{channel: {delivery.channel}}} "
            f"under `delivery:` and set {delivery.channel.upper()}_WEBHOOK_URL"
        )
    if delivery.channel == "telegram":
        return f"names no chat on Telegram; {_KEPT}"
    return f"channel {delivery.channel!r} cannot be reached by a session; {_KEPT}"


def delivery_of(targets: Sequence[DeliveryTarget]) -> tuple[Delivery, list[Note]]:
    """What of some targets a job can hold, which is one of them, and what became of the others."""
    found: Delivery | None = None
    notes = []
    for target in targets:
        said = _spoken(target)
        if said is None:
            notes.append(_left_out(target, "OpenClaw cannot send there"))
        elif found is not None:
            notes.append(_left_out(target, "a job has one target, and another comes first"))
        else:
            found = said
    # Without any, OpenClaw would announce to the chat that was used last.
    return found or Delivery(mode="none"), notes


def _left_out(target: DeliveryTarget, why: str) -> Note:
    return Note(field="delivery", message=f"{target.channel} {target.to} is left out: {why}".replace("  ", " "))


def _spoken(target: DeliveryTarget) -> Delivery | None:
    if "${" in target.to or target.channel not in ("telegram", "webhook"):
        return None
    fields: dict[str, object] = {"mode": target.mode, "to": target.to}
    if target.channel == "telegram":
        fields["channel"] = "telegram"
    elif target.mode == "announce":
        fields["mode"] = "webhook"
    if target.best_effort:
        fields["bestEffort"] = True
    return Delivery.model_validate(fields)
