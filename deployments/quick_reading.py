"""Reads all sessions at once, unchecked, and of each only what a listing shows.

Prefect's own models look through the machine's time zones for every schedule, which takes 3 ms for each session.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import SCHEDULE_TYPES, CronSchedule, IntervalSchedule, RRuleSchedule
from pydantic_core import from_json

from deployments.deployed import our_flow
from tasks.deletions import is_deleted
from tasks.deployed import PAGE


async def list_deployed(client: PrefectClient) -> list[DeploymentResponse]:
    """All sessions in the order of their names, with the fields that `_as_deployment` names."""
    found: list[DeploymentResponse] = []
    while True:
        # One page after another, since the server answers one at a time.
        page = {"flows": our_flow().model_dump(mode="json"), "limit": PAGE, "offset": len(found)}
        answer = from_json((await client.request("POST", "/deployments/filter", json=page)).content)
        found += [_as_deployment(item) for item in answer]
        if len(answer) < PAGE:
            return [item for item in found if not is_deleted(item)]


def _as_deployment(item: dict[str, Any]) -> DeploymentResponse:
    schedules = [_as_schedule(entry) for entry in item["schedules"]]
    plain = {name: item[name] for name in ("name", "description", "tags", "paused", "parameters")}
    return DeploymentResponse.model_construct(id=UUID(item["id"]), schedules=schedules, **plain)


def _as_schedule(entry: dict[str, Any]) -> DeploymentSchedule:
    plain = {name: entry[name] for name in ("active", "slug", "parameters")}
    return DeploymentSchedule.model_construct(id=UUID(entry["id"]), schedule=_as_timing(entry["schedule"]), **plain)


def _as_timing(timing: dict[str, Any]) -> SCHEDULE_TYPES:
    if "cron" in timing:
        return CronSchedule.model_construct(**timing)
    if "interval" in timing:
        moments: dict[str, Any] = {
            "interval": timedelta(seconds=timing["interval"]),
            "anchor_date": datetime.fromisoformat(timing["anchor_date"]),
        }
        return IntervalSchedule.model_construct(**timing | moments)
    return RRuleSchedule.model_construct(**timing)
