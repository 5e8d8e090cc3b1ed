"""Reads OpenClaw's jobs into session definitions, row by row: a bad one is set aside, the others go on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, JsonValue

from deployments.definitions import LONGEST_NAME, find_definitions, load_definitions
from deployments.names import slug_of
from deployments.openclaw.draft import Place, check_draft, draft_files
from deployments.openclaw.fates import fates_of, kept_fields
from deployments.openclaw.job import Job
from deployments.openclaw.legacy import read_job
from deployments.openclaw.parts import SessionParts, parts_of_job
from deployments.openclaw.report import ImportedJob, ImportReport, Note, QuarantinedJob
from deployments.openclaw.sidecar import imported_names
from deployments.openclaw.store import read_store
from deployments.writing import written
from sessions.errors import SpecError
from sessions.schedule import describe
from sessions.settings import Settings


class _Row(BaseModel, frozen=True):
    """A row that can become a session."""

    number: int
    job: Job
    parts: SessionParts
    notes: list[Note]


class Import(BaseModel, frozen=True):
    """What holds for all rows.

    `timezone` is the zone of OpenClaw's host, empty if it is not known; `replace`: what is there is written anew.
    """

    place: Place
    settings: Settings
    now: datetime
    timezone: str
    replace: bool = False


def import_jobs(file: Path, asked: Import) -> ImportReport:
    """Write the definitions of the jobs in a store. No row that is set aside leaves a file behind.

    Raises:
        SpecError: the store cannot be read, or a file of an earlier import was changed; nothing has been written.
    """
    store = read_store(file)
    known = imported_names(asked.place.folder)
    read = [_read_row(number, raw, asked) for number, raw in enumerate(store.rows, 1)]
    rows = _without_repeats(read)
    names = _names([row.job for row in rows if isinstance(row, _Row)], known)
    taken = _taken_names(asked.place)
    write = partial(_write_row, names=names, taken=taken, known=known, asked=asked)
    done = [write(row) if isinstance(row, _Row) else row for row in rows]
    return ImportReport(
        file=file,
        imported=[item for item in done if isinstance(item, ImportedJob)],
        quarantined=[item for item in done if isinstance(item, QuarantinedJob)],
        notes=store.notes,
    )


def _read_row(number: int, raw: JsonValue, asked: Import) -> _Row | QuarantinedJob:
    try:
        read = read_job(raw, now=asked.now)
        parts = parts_of_job(read.job, asked.timezone)
    except SpecError as error:
        fields = raw if isinstance(raw, dict) else {}
        said = {"id": str(fields.get("id") or fields.get("jobId") or ""), "job": str(fields.get("name") or "")}
        return QuarantinedJob(row=number, field=error.field, reason=str(error), **said)
    return _Row(number=number, job=read.job, parts=parts, notes=read.notes)


def _without_repeats(rows: Sequence[_Row | QuarantinedJob]) -> list[_Row | QuarantinedJob]:
    first: dict[str, int] = {}
    found: list[_Row | QuarantinedJob] = []
    for row in rows:
        if isinstance(row, _Row) and first.setdefault(row.job.id, row.number) != row.number:
            reason = f"id: {row.job.id!r} is also the id of row {first[row.job.id]}; give one of them another"
            found.append(_set_aside(row, SpecError(reason, field="id")))
        else:
            found.append(row)
    return found


def _set_aside(row: _Row, error: SpecError) -> QuarantinedJob:
    return QuarantinedJob(row=row.number, id=row.job.id, job=row.job.name, field=error.field, reason=str(error))


def _names(jobs: Sequence[Job], known: Mapping[str, str]) -> dict[str, str]:
    """The session of each job: the one it became before, else one after its name.

    Where jobs share a name, all of them get a part of their id, so that their order does not matter.
    """
    slugs = {job.id: slug_of(job.name) for job in jobs}
    often = Counter(slugs.values())
    return {
        job_id: known.get(job_id) or (slug if often[slug] == 1 else _longer(slug, job_id))
        for job_id, slug in slugs.items()
    }


def _longer(slug: str, job_id: str) -> str:
    mark = sha256(job_id.encode()).hexdigest()[:8]
    return f"{slug[: LONGEST_NAME - len(mark) - 1].rstrip('-')}-{mark}"


def _taken_names(place: Place) -> dict[str, Path]:
    """Every session there is, by its name; of a file that cannot be read, the name it would have."""
    taken: dict[str, Path] = {}
    for path in {*find_definitions(place.root), *place.folder.glob("*.y*ml")}:
        try:
            taken |= {definition.name: path for definition in load_definitions(path)}
        except SpecError:
            taken[path.stem] = path
    return taken


def _write_row(
    row: _Row, *, names: Mapping[str, str], taken: Mapping[str, Path], known: Mapping[str, str], asked: Import
) -> ImportedJob | QuarantinedJob:
    name, place = names[row.job.id], asked.place
    try:
        _require_room(name, place, other=taken.get(name), is_own=row.job.id in known, replace=asked.replace)
        texts = draft_files(row.job, row.parts, name, place=place, timezone=asked.timezone, settings=asked.settings)
        check_draft(texts, place, asked.settings, asked.now)
        with written(texts):
            pass
    except SpecError as error:
        return _set_aside(row, error)
    return _report(row, name, asked)


def _require_room(name: str, place: Place, *, other: Path | None, is_own: bool, replace: bool) -> None:
    own = place.definition(name)
    if other and not is_own:
        raise SpecError(f"{other} is a session of that name already; rename the job, or that session", field="name")
    there = [path for path in (own, place.prompt(name)) if path.exists()]
    if there and not replace:
        raise SpecError(f"{there[0]} is there already; --replace writes it anew", field="name")


def _report(row: _Row, name: str, asked: Import) -> ImportedJob:
    fates = fates_of(row.job, name=name, timezone=asked.timezone, now=asked.now)
    return ImportedJob(
        row=row.number,
        id=row.job.id,
        job=row.job.name,
        session=name,
        definition=asked.place.definition(name),
        schedule=describe(row.parts.schedule),
        suspended=row.parts.suspended,
        kept=kept_fields(row.job),
        notes=[*row.notes, *fates],
    )
