"""OpenClaw's jobs, and an import of them into a folder."""

import json
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from deployments.definitions import Definition, load_definitions
from deployments.openclaw.draft import Place
from deployments.openclaw.exporting import Export, export_jobs
from deployments.openclaw.importing import Import, import_jobs
from deployments.openclaw.report import ImportedJob, ImportReport
from sessions.settings import Settings

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
Fields = dict[str, JsonValue]

#: The full example of OpenClaw's own description of its jobs.
FULL: Fields = {
    "id": "5857be7f-5492-43d8-bbda-f3de8898ffc5",
    "agentId": "main",
    "name": "Daily 8AM session reset + memory capture reminder",
    "enabled": True,
    "createdAtMs": 1771115087622,
    "updatedAtMs": 1771218837502,
    "schedule": {"kind": "cron", "expr": "0 8 * * *", "tz": "Asia/Taipei"},
    "sessionTarget": "isolated",
    "wakeMode": "now",
    "payload": {"kind": "agentTurn", "message": "Execute daily reset routine."},
    "delivery": {"mode": "announce", "channel": "telegram", "to": "YOUR_TELEGRAM_ID", "bestEffort": True},
}
NAME = "daily-8am-session-reset-memory-capture-reminder"


def job(**changes: JsonValue) -> Fields:
    """The full example with some fields changed; None takes one out."""
    return {field: value for field, value in (FULL | changes).items() if value is not None}


def turn(**changes: JsonValue) -> Fields:
    """The payload of the full example with some fields changed."""
    return {"kind": "agentTurn", "message": "Execute daily reset routine."} | changes


def import_rows(root: Path, *rows: JsonValue, timezone: str = "Europe/Berlin", replace: bool = False) -> ImportReport:
    """Import rows into the definitions of a repository."""
    return import_text(root, json.dumps({"version": 1, "jobs": list(rows)}), timezone=timezone, replace=replace)


def import_text(root: Path, text: str, *, timezone: str = "Europe/Berlin", replace: bool = False) -> ImportReport:
    """Import what stands in a store."""
    root.mkdir(exist_ok=True)
    store = root / "jobs.json"
    store.write_text(text, encoding="utf-8")
    place = Place(folder=root / "deployments", root=root)
    return import_jobs(store, Import(place=place, settings=Settings(), now=NOW, timezone=timezone, replace=replace))


def import_one(root: Path, row: JsonValue) -> tuple[Definition, ImportedJob]:
    """The definition that one row becomes."""
    report = import_rows(root, row)
    assert [each.reason for each in report.quarantined] == []
    return load_definitions(report.imported[0].definition)[0], report.imported[0]


def notes_of(root: Path, row: JsonValue) -> dict[str, str]:
    """What is said of the fields of one row."""
    return {note.field: note.message for note in import_one(root, row)[1].notes}


def reason(root: Path, row: JsonValue) -> str:
    """Why one row is set aside, with nothing of it written."""
    report = import_rows(root, row)
    assert report.imported == []
    assert written(root) == {}
    return report.quarantined[0].reason


def written(root: Path) -> dict[str, str]:
    """All files of the definitions, by their place."""
    folder = root / "deployments"
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in files}


def exported(root: Path) -> Export:
    """The definitions of a repository as jobs."""
    return export_jobs(root / "deployments", root=root)


def jobs_in(root: Path) -> list[Fields]:
    """The exported jobs alone."""
    jobs = exported(root).store["jobs"]
    assert isinstance(jobs, list)
    return [each for each in jobs if isinstance(each, dict)]
