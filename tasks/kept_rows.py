"""What stays of runs that are deleted: a line each, so that a slot that had its run is not taken for a missed one.

They are one table artifact for each session, which the Prefect UI shows as well.
"""

import json
from collections.abc import Sequence
from datetime import datetime

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact
from prefect.client.schemas.sorting import ArtifactSort
from pydantic import TypeAdapter

from sessions.ledger import RunRow, merge_rows
from sessions.retention import KEEP_SKIPPED

#: An artifact is read and written whole.
MOST_ROWS = 5000
#: The server gives 200 artifacts at once; a session has one, and two for a moment while it is written anew.
_AT_ONCE = 100
_ROWS = TypeAdapter(list[RunRow])


async def read_kept(client: PrefectClient, session: str) -> list[RunRow]:
    """The lines of a session's deleted runs, newest slot first."""
    return (await read_all_kept(client, [session]))[session]


async def read_all_kept(client: PrefectClient, sessions: Sequence[str]) -> dict[str, list[RunRow]]:
    """The lines of the deleted runs of some sessions; a session of which none was deleted has an empty list."""
    newest: dict[str | None, Artifact] = {}
    for begin in range(0, len(sessions), _AT_ONCE):
        for version in await _versions(client, sessions[begin : begin + _AT_ONCE]):
            newest.setdefault(version.key, version)
    return {each: _rows(newest[_key(each)]) if _key(each) in newest else [] for each in sessions}


async def keep_rows(client: PrefectClient, session: str, rows: Sequence[RunRow], now: datetime) -> None:
    """Add the lines of runs that are about to be deleted; lines of slots more than 30 days ago go."""
    older = await _versions(client, [session])
    before = _rows(older[0]) if older else []
    kept = merge_rows(before, rows, since=now - KEEP_SKIPPED, most=MOST_ROWS)
    table = json.dumps([row.model_dump(mode="json", exclude_none=True) for row in kept])
    about = "What became of slots whose runs are kept no longer"
    await client.create_artifact(ArtifactCreate(key=_key(session), type="table", data=table, description=about))
    for version in older:
        await client.delete_artifact(version.id)


def forgotten_until(kept: Sequence[RunRow]) -> datetime | None:
    """The oldest slot of a session's lines, newest first, if older ones had to go for them; None if none had to."""
    return kept[-1].slot_at if len(kept) >= MOST_ROWS else None


async def forget_rows(client: PrefectClient, session: str) -> None:
    """Delete a session's lines, for when the session itself is gone."""
    for version in await _versions(client, [session]):
        await client.delete_artifact(version.id)


def _key(session: str) -> str:
    return f"{session}-slots"


async def _versions(client: PrefectClient, sessions: Sequence[str]) -> list[Artifact]:
    by_key = ArtifactFilter(key=ArtifactFilterKey(any_=[_key(each) for each in sessions]))
    return await client.read_artifacts(artifact_filter=by_key, sort=ArtifactSort.CREATED_DESC)


def _rows(artifact: Artifact) -> list[RunRow]:
    data = artifact.data
    return _ROWS.validate_json(data) if isinstance(data, str) else _ROWS.validate_python(data or [])
