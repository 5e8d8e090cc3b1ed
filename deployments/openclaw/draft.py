"""The files that one job becomes, checked apart before they are put into their places."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from pydantic import BaseModel, JsonValue

from deployments.check import check_files, errors_in
from deployments.definition_text import render_definition
from deployments.openclaw.job import Job
from deployments.openclaw.parts import SessionParts, display_name_for
from deployments.openclaw.sidecar import render_sidecar, sidecar_path
from deployments.writing import written
from sessions.errors import ModelError, SpecError
from sessions.models import RUNNER_PROVIDERS, find_model, runner_for
from sessions.settings import Settings
from sessions.spec import SessionSpec


class Place(BaseModel, frozen=True):
    """Where definitions go: `folder`, and the repository `root`, from which prompt files are named."""

    folder: Path
    root: Path

    @property
    def inside(self) -> PurePosixPath | None:
        """The folder as seen from the root; None if it is somewhere else."""
        folder, root = self.folder.resolve(), self.root.resolve()
        return PurePosixPath(folder.relative_to(root).as_posix()) if folder.is_relative_to(root) else None

    def definition(self, name: str) -> Path:
        """The file of the session `name`."""
        return self.folder / f"{name}.yaml"

    def prompt(self, name: str) -> Path:
        """The file of its prompt."""
        return self.folder / "prompts" / f"{name}.md"


def draft_files(
    job: Job, parts: SessionParts, name: str, *, place: Place, timezone: str, settings: Settings
) -> dict[Path, str]:
    """The files of a session, the definition last. Outside of the repository, the prompt stands in the definition."""
    prompt: dict[str, JsonValue] = {"prompt": parts.prompt}
    texts = {sidecar_path(place.folder, name): render_sidecar(job, timezone)}
    if place.inside is not None:
        prompt = {"prompt_file": str(place.inside / "prompts" / f"{name}.md")}
        texts[place.prompt(name)] = parts.prompt + "\n"
    text = render_definition(
        name=name,
        display_name=display_name_for(job),
        description=parts.description,
        schedule=parts.schedule,
        parameters=prompt | _parameters(job, parts, settings),
        suspended=parts.suspended,
    )
    origin = f"# From OpenClaw; {sidecar_path(Path(), name).as_posix()} keeps what has no place here.\n"
    return texts | {place.definition(name): origin + text}


def _parameters(job: Job, parts: SessionParts, settings: Settings) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    if job.agent_id:
        found["agent"] = parts.agent
    found |= _runner(settings.model_for(parts.agent, parts.model), settings)
    if parts.model:
        found["model"] = parts.model
    if parts.delete_after_run:
        found["delete_after_run"] = True
    found["timeout_seconds"] = parts.timeout_seconds
    if parts.delivery:
        found["delivery"] = [target.model_dump(mode="json") for target in parts.delivery]
    return found


def _runner(model: str, settings: Settings) -> dict[str, JsonValue]:
    """The runner that runs the model, where it is another than the usual one."""
    usual = str(SessionSpec.model_fields["runner"].default)
    with suppress(ModelError):  # the check says what is wrong with the model
        provider = find_model(model, settings.models_file).provider
        return {} if RUNNER_PROVIDERS[usual] == provider else {"runner": runner_for(provider)}
    return {}


def check_draft(texts: Mapping[Path, str], place: Place, settings: Settings, now: datetime) -> None:
    """Check the files of one session as `sessions check` would.

    Raises:
        SpecError: what is wrong with the session.
    """
    with TemporaryDirectory(prefix="sessions-import-") as folder:
        root = Path(folder)
        there = root / (place.inside or "deployments")
        moved = {there / path.relative_to(place.folder): text for path, text in texts.items()}
        with written(moved):
            errors = errors_in(check_files([list(moved)[-1]], settings, root=root, now=now))
    if errors:
        sentence = "; ".join(f"{error.field}: {error.message}" for error in errors)
        raise SpecError(sentence, field=errors[0].field)
