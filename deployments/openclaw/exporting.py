"""Writes session definitions as jobs of OpenClaw: what an import kept comes back, what was changed since is new."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, JsonValue

from deployments.definitions import Definition, ScheduleEntry, load_definitions
from deployments.names import display_name_of
from deployments.openclaw.job import Job
from deployments.openclaw.parts import SessionParts, parts_of_job, parts_of_session
from deployments.openclaw.rebuild import new_job, rebuild_job
from deployments.openclaw.report import ExportedJob, ExportReport, LeftOut, Note
from deployments.openclaw.sidecar import read_sidecar, sidecar_path
from deployments.openclaw.store import VERSION
from deployments.writing import written
from sessions.errors import SpecError
from sessions.spec import SessionSpec

#: The parameters that a job has a place for.
_CARRIED = ("prompt", "prompt_file", "agent", "model", "timeout_seconds", "delete_after_run", "delivery")


class Export(BaseModel, frozen=True):
    """The store as OpenClaw reads it, and what became of each session."""

    store: dict[str, JsonValue]
    report: ExportReport


class _Row(BaseModel, frozen=True):
    job: Job
    exported: ExportedJob


def export_jobs(folder: Path, *, root: Path) -> Export:
    """The jobs of all definitions in a folder, the oldest first.

    Args:
        folder: where the definitions are.
        root: the repository, from which prompt files are named.

    Raises:
        SpecError: there is no such folder.
    """
    if not folder.is_dir():
        raise SpecError(f"{folder} is no folder; give the one with the definitions", field="from")
    done = [each for path in _files(folder) for each in _export_file(path, root)]
    rows = [each for each in done if isinstance(each, _Row)]
    rows.sort(key=lambda row: (row.job.created_at_ms, row.job.id))
    store: dict[str, JsonValue] = {"version": VERSION, "jobs": [row.job.document for row in rows]}
    left_out = [each for each in done if isinstance(each, LeftOut)]
    return Export(store=store, report=ExportReport(exported=[row.exported for row in rows], left_out=left_out))


def write_store(exported: Export, out: Path, *, replace: bool) -> None:
    """Write the store into a file.

    Raises:
        SpecError: the file is there and may not be replaced, or cannot be written.
    """
    if out.exists() and not replace:
        message = "is there already and may be the store that OpenClaw uses; give another file, or --replace"
        raise SpecError(f"{out} {message}", field="out")
    with written({out: json.dumps(exported.store, indent=2, ensure_ascii=False) + "\n"}):
        pass


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.y*ml") if path.suffix in (".yaml", ".yml"))


def _export_file(path: Path, root: Path) -> Iterator[_Row | LeftOut]:
    try:
        definitions = [item for item in load_definitions(path) if item.is_session]
    except SpecError as error:
        yield LeftOut(definition=path, session=path.stem, reason=str(error))
        return
    for definition in definitions:
        if not definition.schedules:
            reason = "has no schedule, and a job needs one; it runs only when it is triggered"
            yield LeftOut(definition=path, session=definition.name, reason=reason)
        for index in range(len(definition.schedules)):
            yield _export_schedule(definition, index, root)


def _export_schedule(definition: Definition, index: int, root: Path) -> _Row | LeftOut:
    try:
        entry = definition.schedules[index]
        parts, spec = parts_of_session(definition, entry, root)
        # Only the first schedule is the one that was imported.
        kept = read_sidecar(sidecar_path(definition.file.parent, definition.name)) if index == 0 else None
        changed_at_ms = math.floor(definition.file.stat().st_mtime * 1000)
        if kept:
            named = _called(parts, parts.display_name or kept[0].name)
            job, notes = rebuild_job(kept[0], parts_of_job(*kept), named, changed_at_ms=changed_at_ms)
        else:
            name, key = _name_and_key(definition, index)
            job, notes = new_job(_called(parts, name), key=key, changed_at_ms=changed_at_ms)
    except SpecError as error:
        return LeftOut(definition=definition.file, session=definition.name, reason=str(error))
    notes = [*notes, *_not_carried(definition, entry, spec)]
    exported = ExportedJob(session=definition.name, definition=definition.file, id=job.id, job=job.name, notes=notes)
    return _Row(job=job, exported=exported)


def _name_and_key(definition: Definition, index: int) -> tuple[str, str]:
    """The name of a job, and what its id is made of: one for each schedule."""
    slug = definition.schedules[index].slug or str(index + 1)
    display = display_name_of(definition.tags, definition.name)
    if len(definition.schedules) == 1:
        return display, definition.name
    return f"{display} ({slug})", f"{definition.name}/{slug}"


def _called(parts: SessionParts, name: str) -> SessionParts:
    return parts.model_copy(update={"display_name": name})


def _not_carried(definition: Definition, entry: ScheduleEntry, spec: SessionSpec) -> Iterator[Note]:
    """The parameters that a job has no place for, where they are not the usual ones."""
    for field in (*definition.parameters, *entry.parameters):
        if field not in _CARRIED and getattr(spec, field) != SessionSpec.model_fields[field].default:
            yield Note(field=field, message="is left out: OpenClaw has no such setting of a job")
