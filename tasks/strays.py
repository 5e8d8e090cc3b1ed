"""Files of runs that the server knows no more: housekeeping on another machine deleted them, or a person did."""

from datetime import datetime
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

from sessions.errors import SessionError
from sessions.leftovers import closed_before, delete_leftovers
from sessions.retention import KEEP_SKIPPED
from sessions.settings import read_settings
from tasks.pages import PAGE


async def delete_strays(client: PrefectClient, now: datetime) -> int:
    """Delete the files of closed runs that the server knows no more; returns of how many.

    Only after 30 days: the home may have been used with another server, which still knows them.
    """
    count, settings = 0, read_settings()
    old = closed_before(settings.home, now - KEEP_SKIPPED)
    for begin in range(0, len(old), PAGE):
        for run_id in await _unknown(client, old[begin : begin + PAGE]):
            try:
                delete_leftovers(str(run_id), settings)
                count += 1
            except SessionError as error:
                get_run_logger().warning("The files of run %s are kept for now: %s", run_id, error)
    return count


async def _unknown(client: PrefectClient, run_ids: list[UUID]) -> set[UUID]:
    known = await client.read_flow_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=run_ids)), limit=PAGE)
    return set(run_ids) - {run.id for run in known}
