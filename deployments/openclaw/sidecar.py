"""What of a job has no place in a session: kept in a file beside the definition, from which an export restores it."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, JsonValue, ValidationError

from deployments.openclaw.job import Job, parse_job
from sessions.errors import SpecError

FOLDER = "imported"


class Sidecar(BaseModel, frozen=True, extra="forbid"):
    """The job as it was imported. `timezone` is the host's zone, which stood in for one that the job did not name."""

    source: Literal["openclaw"] = "openclaw"
    timezone: str
    job: dict[str, JsonValue]


def sidecar_path(folder: Path, name: str) -> Path:
    """Where the file of the session `name` lies, whose definition is in `folder`."""
    return folder / FOLDER / f"{name}.json"


def render_sidecar(job: Job, timezone: str) -> str:
    """The text of the file."""
    return Sidecar(timezone=timezone, job=job.document).model_dump_json(indent=2) + "\n"


def read_sidecar(path: Path) -> tuple[Job, str] | None:
    """The job and the host's zone; None if there is no such file.

    Raises:
        SpecError: the file was changed by hand and is in another form now.
    """
    try:
        sidecar = Sidecar.model_validate_json(path.read_bytes())
        return parse_job(sidecar.job), sidecar.timezone
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}") from error
    except (ValidationError, SpecError) as error:
        message = "is not in the form in which it was written; restore it, or delete it to export without it"
        raise SpecError(f"{path} {message}") from error


def imported_names(folder: Path) -> dict[str, str]:
    """The sessions of `folder` that came from OpenClaw, by the id of their job.

    Raises:
        SpecError: one of the files is in another form.
    """
    found = {path.stem: read_sidecar(path) for path in sorted((folder / FOLDER).glob("*.json"))}
    return {kept[0].id: name for name, kept in found.items() if kept and (folder / f"{name}.yaml").exists()}
