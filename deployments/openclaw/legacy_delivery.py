"""Where the answer of a row goes: hints of earlier versions, at the top and in the payload, become one part."""

from pydantic import JsonValue

from deployments.openclaw.row import Fields, Row, read_kind
from sessions.errors import SpecError

_MODES = {"announce": "announce", "none": "none", "webhook": "webhook", "deliver": "announce"}
_HINTS = ("deliver", "channel", "provider", "to", "threadId", "bestEffortDeliver")


def move_delivery(row: Row) -> None:
    """Bring the delivery into its normal form; hints count more than what stands there, as with OpenClaw.

    Raises:
        SpecError: it is no object, or its mode is not known.
    """
    payload = row.fields["payload"]
    hints = _take_hints(row, payload) if isinstance(payload, dict) and payload["kind"] == "agentTurn" else {}
    delivery = row.fields.get("delivery")
    if delivery is None and not hints:
        row.fields.pop("delivery", None)
        return
    if delivery is not None and not isinstance(delivery, dict):
        raise SpecError(f"delivery: is {delivery!r}, not an object", field="delivery")
    merged = (delivery or {}) | _from_hints(hints)
    row.fields["delivery"] = merged
    _read_delivery(row, merged)


def _take_hints(row: Row, payload: Fields) -> Fields:
    """The old fields of both places; what stands in the payload counts more."""
    hints: Fields = {}
    for part, place in ((payload, "payload."), (row.fields, "")):
        for field in _HINTS:
            if field in part:
                value = part.pop(field)
                other = hints.setdefault(field, value)
                lost = f"{value!r} is left out; payload.{field} counts"
                row.note(place + field, "is in delivery now" if other == value else lost)
    if "channel" in hints and hints.get("provider", hints["channel"]) != hints["channel"]:
        row.note("provider", f"{hints['provider']!r} is left out; channel counts")
    if not isinstance(hints.get("deliver", True), bool):
        raise SpecError(f"deliver: is {hints['deliver']!r}; write true or false", field="deliver")
    return {field: value for field, value in hints.items() if value not in (None, "")}


def _from_hints(hints: Fields) -> Fields:
    found: Fields = {}
    if hints.get("deliver") is False:
        found["mode"] = "none"
    elif hints.get("deliver") or hints.get("to"):
        found["mode"] = "announce"
    if channel := hints.get("channel") or hints.get("provider"):
        found["channel"] = channel
    renamed = {"to": "to", "threadId": "threadId", "bestEffortDeliver": "bestEffort"}
    return found | {new: hints[old] for old, new in renamed.items() if old in hints}


def _read_delivery(row: Row, delivery: Fields) -> None:
    for field in ("to", "threadId"):
        delivery |= {field: _as_text(delivery[field])} if field in delivery else {}
    row.strip(delivery, "to", "threadId", "accountId")
    row.lower(delivery, "channel", "mode")
    mode = read_kind(delivery.get("mode") or "announce", _MODES, "delivery.mode")
    if delivery.get("mode") != mode:
        row.note("delivery.mode", f"is {mode} now")
        delivery["mode"] = mode


def _as_text(value: JsonValue) -> JsonValue:
    """Ids are often written as numbers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
