"""What can be changed of a session, and the definition that comes of it."""

from datetime import datetime
from typing import cast

from pydantic import BaseModel, JsonValue

from deployments.names import check_display_name, with_display_name
from deployments.new import NewSession, choose_schedule
from deployments.rewriting import unshared
from sessions.clock_changes import interval_zone_fault
from sessions.errors import SpecError
from sessions.schedule import CronSchedule, IntervalSchedule, Schedule, timezone_fault

Raw = dict[str, JsonValue]
_KINDS = ("preset", "cron", "every", "at")
#: Keys of a schedule that say when it is due, beside its time zone.
_TIMING = ("cron", "interval", "rrule", "anchor_date", "day_or")
#: Where a new key of a deployment stands: behind the last of those before it.
_ORDER = ("name", "description", "version", "tags", "entrypoint", "schedules")


class SessionUpdate(BaseModel, frozen=True, extra="forbid"):
    """What is to change. A field that is not given stays as it is; one that is None goes back to its default.

    At most one of `preset`, `cron`, `every` and `at`; `slug` names the schedule that it is about where there are
    several. `name` is the display name. `prompt` and `prompt_file` replace each other. In `parameters`, None takes one
    out of the definition.
    """

    name: str | None = None
    description: str | None = None
    preset: str | None = None
    cron: str | None = None
    every: str | None = None
    at: str | None = None
    timezone: str | None = None
    slug: str = ""
    prompt: str | None = None
    prompt_file: str | None = None
    parameters: dict[str, JsonValue] = {}

    def gives(self, *fields: str) -> list[str]:
        """Those of the fields that are to change."""
        return [field for field in fields if field in self.model_fields_set]


def require_sense(update: SessionUpdate) -> None:
    """Refuse what no session could be changed to.

    Raises:
        SpecError: nothing is to change, or the prompt would be none or two.
    """
    if not update.model_fields_set - {"slug"}:
        raise SpecError("nothing is to change; name at least one field and its new value")
    prompts = update.gives("prompt", "prompt_file")
    if len(prompts) > 1:
        raise SpecError("prompt and prompt_file are both given; give one of them", field="prompt_file")
    if prompts and not (getattr(update, prompts[0]) or "").strip():
        raise SpecError("cannot be blank; the agent needs something to do", field=prompts[0])


def change_definition(raw: Raw, update: SessionUpdate, now: datetime) -> Raw:
    """A deployment as it stands in a definition, changed; `raw` itself stays as it is.

    Args:
        raw: the keys of one deployment.
        update: what is to change.
        now: the anchor of a new interval, and what an `at` must come after.

    Raises:
        SpecError: what is asked for is wrong or names nothing that is there.
    """
    changed = cast("Raw", unshared(raw))
    if update.gives("name"):
        display = None if update.name is None else check_display_name(update.name)
        tags = with_display_name(cast("list[str]", changed.get("tags") or []), display)
        changed = _with_key(changed, "tags", cast("JsonValue", tags) or None)
    if update.gives("description"):
        changed = _with_key(changed, "description", (update.description or "").strip() or None)
    if update.gives(*_KINDS, "timezone"):
        schedules = _changed_schedules(cast("list[Raw]", changed.get("schedules") or []), update, now)
        changed = _with_key(changed, "schedules", cast("JsonValue", schedules))
    return {**changed, "parameters": _changed_parameters(cast("Raw", changed.get("parameters") or {}), update)}


def dropped_zone(raw: Raw, update: SessionUpdate, now: datetime) -> str:
    """What to say of a time zone that nobody asked to drop and that goes with the change, as it does for an interval.

    Args:
        raw: the keys of one deployment, before the change.
        update: what is to change.
        now: as for `change_definition`.
    """
    if update.gives("timezone"):
        return ""
    changed = change_definition(raw, update, now)
    before, after = (cast("list[Raw]", each.get("schedules") or []) for each in (raw, changed))
    gone = [old["timezone"] for old, new in zip(before, after, strict=False) if "timezone" in old.keys() - new.keys()]
    why = "an interval counts the time that passes; a later --cron is by the clock of UTC unless it names a zone"
    return f"{gone[0]} is taken out: {why}" if gone else ""


def _with_key(raw: Raw, key: str, value: JsonValue) -> Raw:
    """The deployment with one key set, or taken out where the value is None."""
    if value is None:
        return {name: item for name, item in raw.items() if name != key}
    if key in raw:
        return {**raw, key: value}
    before = {name: item for name, item in raw.items() if name in _ORDER[: _ORDER.index(key)]}
    return {**before, key: value, **{name: item for name, item in raw.items() if name not in before}}


def _changed_schedules(entries: list[Raw], update: SessionUpdate, now: datetime) -> list[Raw]:
    if not entries and not update.gives(*_KINDS):
        raise SpecError("the session has no schedule whose time zone could change; give it one", field="timezone")
    if not entries:
        return [_changed_entry({"slug": update.slug or "schedule"}, update, now)]
    position = chosen_schedule([str(entry.get("slug", "")) for entry in entries], update.slug)
    return [_changed_entry(entry, update, now) if at == position else entry for at, entry in enumerate(entries)]


def chosen_schedule(slugs: list[str], slug: str) -> int:
    """The position of the schedule that a change is about.

    Raises:
        SpecError: none has that slug, or there are several and no slug was given.
    """
    if slug in slugs:
        return slugs.index(slug)
    known = ", ".join(filter(None, slugs)) or "none; give them slugs in the definition"
    if slug:
        raise SpecError(f"no schedule has the slug {slug!r}; there are {known}", field="slug")
    if len(slugs) > 1:
        raise SpecError(f"the session has {len(slugs)} schedules; name one by its slug: {known}", field="slug")
    return 0


def _changed_entry(entry: Raw, update: SessionUpdate, now: datetime) -> Raw:
    zone = update.timezone if update.gives("timezone") else entry.get("timezone")
    if fault := timezone_fault(str(zone or "UTC")):
        raise SpecError(fault, field="timezone")
    if update.every and not update.gives("timezone") and interval_zone_fault(str(zone or "UTC")):
        # It is that of the clock before, which an interval does not follow.
        zone = None
        entry = {key: value for key, value in entry.items() if key != "timezone"}
    if update.gives(*_KINDS):
        schedule = _chosen(update, str(zone or "UTC"), now)
        keep_day_or = isinstance(schedule, CronSchedule) and "cron" in entry
        dropped = _TIMING[:-1] if keep_day_or else _TIMING
        entry = timing_of(schedule) | {key: value for key, value in entry.items() if key not in dropped}
    if update.gives("timezone"):
        entry = {key: value for key, value in entry.items() if key != "timezone"} | ({"timezone": zone} if zone else {})
    return entry


def _chosen(update: SessionUpdate, timezone: str, now: datetime) -> Schedule:
    given = {kind: getattr(update, kind) for kind in update.gives(*_KINDS)}
    if blank := [kind for kind, value in given.items() if value is not None and not value.strip()]:
        raise SpecError("is blank; say when the session is due", field=blank[0])
    # Without any, `choose_schedule` takes the default.
    asked = {kind: value for kind, value in given.items() if value is not None}
    return choose_schedule(NewSession(timezone=timezone, **asked), now)


def timing_of(schedule: Schedule) -> Raw:
    """The keys of a schedule in a definition, without its time zone."""
    if isinstance(schedule, CronSchedule):
        return {"cron": schedule.cron}
    if isinstance(schedule, IntervalSchedule):
        interval: Raw = {"interval": schedule.expr}
        return interval | ({"anchor_date": schedule.anchor_date.isoformat()} if schedule.anchor_date else {})
    return {"rrule": schedule.rrule}


def _changed_parameters(parameters: Raw, update: SessionUpdate) -> Raw:
    if update.gives("prompt", "prompt_file"):
        parameters = _with_prompt(parameters, update)
    cleared = {name for name, value in update.parameters.items() if value is None}
    given = {name: value for name, value in update.parameters.items() if value is not None}
    return {name: value for name, value in (parameters | given).items() if name not in cleared}


def _with_prompt(parameters: Raw, update: SessionUpdate) -> Raw:
    given = update.gives("prompt", "prompt_file")
    value = getattr(update, given[0])
    other = "prompt" if given[0] == "prompt_file" else "prompt_file"
    # The new one takes the place of the old one.
    kept: Raw = {given[0] if name == other else name: item for name, item in parameters.items()}
    return kept | {given[0]: value}
