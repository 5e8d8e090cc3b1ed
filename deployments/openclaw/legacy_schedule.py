"""The schedule of a row: a cron expression alone, `cron` for `expr`, `atMs`, a kind that is not said."""

from datetime import UTC, datetime

from pydantic import JsonValue

from deployments.openclaw.row import Fields, Row, read_kind
from sessions.errors import SpecError

_KINDS = {"at": "at", "every": "every", "cron": "cron"}
_KIND_OF = {"at": "at", "everyMs": "every", "expr": "cron"}


def read_schedule(row: Row) -> None:
    """Bring the schedule into its normal form.

    Raises:
        SpecError: there is none, or its moment or kind cannot be read.
    """
    schedule = _as_object(row)
    row.fields["schedule"] = schedule
    row.rename(schedule, "cron", "expr", "schedule.")
    if "atMs" in schedule:
        # Where both stand, OpenClaw reads this one.
        at = schedule.pop("atMs")
        schedule["at"] = schedule.get("at") if at is None else at
        row.note("schedule.atMs", "is called schedule.at now, in ISO 8601")
    if not schedule.get("kind"):
        schedule["kind"] = next((kind for field, kind in _KIND_OF.items() if schedule.get(field) is not None), "")
        row.note("schedule.kind", f"was missing; it is {schedule['kind']} now")
    schedule["kind"] = read_kind(schedule["kind"], _KINDS, "schedule.kind")
    row.strip(schedule, "expr", "tz")
    for field in ("everyMs", "anchorMs"):
        row.number(schedule, field, f"schedule.{field}")
    if schedule["kind"] == "at" and schedule.get("at") is not None:
        schedule["at"] = _moment(row, schedule["at"])


def _as_object(row: Row) -> Fields:
    schedule = row.fields.get("schedule")
    if isinstance(schedule, str) and schedule.strip():
        row.note("schedule", "is a cron expression alone")
        return {"kind": "cron", "expr": schedule}
    if not isinstance(schedule, dict):
        raise SpecError("has no schedule; give it {kind: cron, expr: …}", field="schedule")
    return dict(schedule)


def _moment(row: Row, value: JsonValue) -> str:
    """ISO 8601 with an offset; milliseconds are read too, and no offset means UTC."""
    text = f"{value:.0f}" if isinstance(value, float) else str(value).strip()
    try:
        if text.isascii() and text.isdigit():
            return _from_millis(float(text))
        moment = datetime.fromisoformat(text.upper())
    except (ValueError, OverflowError, OSError) as error:
        raise SpecError(
            f"schedule.at: {value!r} is not a date and time; write 2027-01-31T09:00:00Z", field="schedule.at"
        ) from error
    if moment.tzinfo:
        return text
    row.note("schedule.at", f"{text} has no offset, which means UTC")
    return moment.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")


def _from_millis(millis: float) -> str:
    moment = datetime.fromtimestamp(millis / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
