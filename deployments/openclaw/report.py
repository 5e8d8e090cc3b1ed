"""What became of each job and of each session, field by field."""

from pathlib import Path

from pydantic import BaseModel


class Note(BaseModel, frozen=True):
    """What became of one field that has no exact counterpart on the other side."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class ImportedJob(BaseModel, frozen=True):
    """A job that is a session definition now. `row` counts from 1; `schedule` is in words.

    `kept` are the fields that mean nothing to a session: they stand in the file beside the definition, from which an
    export restores them.
    """

    row: int
    id: str
    job: str
    session: str
    definition: Path
    schedule: str
    suspended: bool
    kept: list[str]
    notes: list[Note]


class QuarantinedJob(BaseModel, frozen=True):
    """A job that was set aside, and why; nothing of it was written. `id` and `job` are empty where it has none."""

    row: int
    id: str
    job: str
    field: str
    reason: str


class ImportReport(BaseModel, frozen=True):
    """What became of every row of a store; `notes` are about the file itself."""

    file: Path
    imported: list[ImportedJob]
    quarantined: list[QuarantinedJob]
    notes: list[str]


class ExportedJob(BaseModel, frozen=True):
    """One schedule of a session that is a job now. `notes`: what of the session OpenClaw has no place for."""

    session: str
    definition: Path
    id: str
    job: str
    notes: list[Note]


class LeftOut(BaseModel, frozen=True):
    """A definition, or one schedule of it, that cannot be a job, and why."""

    definition: Path
    session: str
    reason: str


class ExportReport(BaseModel, frozen=True):
    """What became of every session definition."""

    exported: list[ExportedJob]
    left_out: list[LeftOut]
