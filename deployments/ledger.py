"""What became of every slot of a session in the last days, also of those for which no process ever ran."""

from datetime import datetime, timedelta

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse

from deployments.deployed import find_session
from deployments.prefect_schedules import from_prefect
from deployments.runs import runs_between
from sessions.ledger import RunRow, WatchedSchedule, due_slots, ledger_rows, merge_rows
from sessions.spec import SessionSpec
from tasks.kept_rows import MOST_ROWS, forgotten_until, read_kept
from tasks.run_rows import as_row


async def read_ledger(client: PrefectClient, name: str, *, now: datetime, days: int) -> list[RunRow]:
    """A row for every slot and every other run of the last `days`, newest first.

    Raises:
        SpecError: there is no such session.
    """
    deployment = await find_session(client, name)
    after = now - timedelta(days=days)
    there = [as_row(run) for run in await runs_between(client, deployment.id, after, now)]
    kept = await read_kept(client, name)
    rows = merge_rows(kept, there, since=after, most=MOST_ROWS + len(there))
    due = due_slots(_watched(deployment), after, now)
    deadline = deployment.parameters.get("starting_deadline_seconds")
    default: int = SessionSpec.model_fields["starting_deadline_seconds"].default
    return ledger_rows(
        name,
        due,
        rows,
        now=now,
        deadline_seconds=deadline if isinstance(deadline, int) else default,
        forgotten_until=forgotten_until(kept),
    )


def _watched(deployment: DeploymentResponse) -> list[WatchedSchedule]:
    """The schedules whose slots this project can tell; a recurrence rule that was made elsewhere is none of them."""
    return [item for item in (_watch(schedule, deployment) for schedule in deployment.schedules) if item]


def _watch(item: DeploymentSchedule, deployment: DeploymentResponse) -> WatchedSchedule | None:
    schedule = from_prefect(item.schedule)
    created = item.created or deployment.created
    if schedule is None or created is None:
        return None
    return WatchedSchedule(
        id=str(item.id),
        name=item.slug or schedule.kind,
        schedule=schedule,
        active=item.active and not deployment.paused,
        created_at=created,
        changed_at=max(created, item.updated or created),
    )
