"""Changes a session on the server alone: one that was deployed from a place that is not at hand."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import DeploymentScheduleUpdate, DeploymentUpdate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import RRuleSchedule
from pydantic import JsonValue

from deployments.changes import Raw, SessionUpdate, change_definition, timing_of
from deployments.check import check_deployment
from deployments.definitions import ScheduleEntry
from deployments.documents import spell
from deployments.prefect_schedules import from_prefect, to_prefect
from deployments.prefect_server import said_plainly
from deployments.suspension import schedule_slots
from sessions.errors import SpecError
from sessions.settings import Settings


async def update_deployed(
    deployment: DeploymentResponse,
    update: SessionUpdate,
    *,
    client: PrefectClient,
    settings: Settings,
    root: Path,
    now: datetime,
) -> None:
    """Change a deployment in one call; see `deployments.update`.

    Raises:
        SpecError: what is asked for is wrong; nothing has changed.
        ServerError: the server refuses; nothing has changed.
    """
    before = definition_of(deployment)
    after = change_definition(before, update, now)
    # What was wrong before is no fault of the change: the prompt's file may be in another checkout, say.
    known = set(check_deployment(before, settings, root, now))
    found = (finding for finding in check_deployment(after, settings, root, now) if finding not in known)
    if errors := [finding for finding in found if finding.severity == "error"]:
        sentences = "\n".join(f"{spell(error.location)}: {error.message}" for error in errors)
        raise SpecError(sentences, field=str(errors[0].location[0]))
    with said_plainly(deployment.name):
        await client.update_deployment(deployment.id, _as_update(deployment.schedules, before, after))
        if not deployment.paused:
            await schedule_slots(client, deployment.id)


def definition_of(deployment: DeploymentResponse) -> Raw:
    """A deployment as it would stand in a definition, as far as it can be changed there."""
    return {
        "name": deployment.name,
        **({"description": deployment.description} if deployment.description else {}),
        **({"tags": cast("JsonValue", deployment.tags)} if deployment.tags else {}),
        "entrypoint": deployment.entrypoint,
        "schedules": [_entry_of(schedule) for schedule in deployment.schedules],
        "concurrency_limit": {"limit": 1, "collision_strategy": "CANCEL_NEW"},
        "work_pool": {"name": deployment.work_pool_name},
        "parameters": deployment.parameters,
    }


def _entry_of(item: DeploymentSchedule) -> Raw:
    schedule = from_prefect(item.schedule)
    entry: Raw = timing_of(schedule) if schedule else {}
    if isinstance(item.schedule, RRuleSchedule):
        entry = {"rrule": item.schedule.rrule}
    zone = getattr(item.schedule, "timezone", None)
    shown = {"timezone": zone, "slug": item.slug, "parameters": item.parameters}
    return entry | {key: value for key, value in shown.items() if value}


def _as_update(existing: Sequence[DeploymentSchedule], before: Raw, after: Raw) -> DeploymentUpdate:
    """Only what differs; the rest of the deployment stays as it is."""
    changed = {key: after.get(key) for key in ("description", "parameters") if after.get(key) != before.get(key)}
    update = DeploymentUpdate.model_validate(changed)
    if after.get("tags") != before.get("tags"):
        update.tags = cast("list[str]", after.get("tags") or [])
    if after["schedules"] != before["schedules"]:
        update.schedules = _schedule_updates(
            existing, cast("list[Raw]", before["schedules"]), cast("list[Raw]", after["schedules"])
        )
    return update


def _schedule_updates(
    existing: Sequence[DeploymentSchedule], before: Sequence[Raw], after: Sequence[Raw]
) -> list[DeploymentScheduleUpdate]:
    updates = []
    for position, entry in enumerate(after):
        there = existing[position] if position < len(existing) else None
        update = DeploymentScheduleUpdate(parameters=cast("Raw", entry.get("parameters", {})))
        if there and entry == before[position]:
            update.schedule = there.schedule
        else:
            update.schedule = to_prefect(ScheduleEntry.model_validate(entry))
        if there:
            update.active = there.active
        if slug := entry.get("slug"):
            update.slug = str(slug)
        updates.append(update)
    return updates
