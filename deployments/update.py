"""Changes a session: in its definition where that is at hand, and on the server where that knows it."""

from datetime import datetime
from pathlib import Path
from typing import cast

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.responses import DeploymentResponse
from pydantic import BaseModel, JsonValue, ValidationError

from deployments.apply import apply_definitions
from deployments.changes import Raw, SessionUpdate, change_definition, dropped_zone, require_sense
from deployments.check import check_text, errors_in
from deployments.definitions import ScheduleEntry, load_definitions
from deployments.deployed import find_deployed
from deployments.problems import Problem
from deployments.rewriting import rewrite
from deployments.standing import Standing, all_standing, find_standing, parameter_values
from deployments.suspension import schedule_slots
from deployments.update_deployed import definition_of, update_deployed
from deployments.writing import written
from sessions.errors import ServerError, SpecError
from sessions.schedule import describe
from sessions.settings import Settings

NOT_DEPLOYED = "the server does not know the session yet; run `sessions deploy`"
NO_SERVER = "no Prefect server answers; run `sessions deploy` when one does"
SERVER_ONLY = "there is no definition of it in deployments/ here, so a deploy from elsewhere puts the old values back"


class Updated(BaseModel, frozen=True):
    """What was changed. `files` were written; `deployed` says whether the server has it, and `note` what is left."""

    name: str
    files: list[Path]
    deployed: bool
    note: str
    warnings: list[Problem] = []


async def update_session(
    name: str, update: SessionUpdate, *, client: PrefectClient | None, settings: Settings, root: Path, now: datetime
) -> Updated:
    """Change any combination of a session's fields. All is checked before anything changes; then all is changed.

    Args:
        name: the session.
        update: what is to change.
        client: an open client of the server; None where there is none, which leaves the definition to be deployed.
        settings: which models are enabled, and the default ones.
        root: the repository.
        now: the anchor of a new interval, and what an `at` must come after.

    Raises:
        SpecError: there is no such session, or what is asked for is wrong; nothing has changed.
        ServerError: the server refuses; the definition is as it was.
    """
    require_sense(update)
    deployment = await find_deployed(client, name) if client else None
    standing = find_standing(name, root)
    if standing is None:
        if client is None:
            raise ServerError(f"{name!r} is not defined in deployments/ here, and no Prefect server answers")
        if deployment is None:
            raise SpecError(f"there is no session {name!r}, neither on the server nor in deployments/", field="name")
        zone = dropped_zone(definition_of(deployment), update, now)
        await update_deployed(deployment, update, client=client, settings=settings, root=root, now=now)
        return Updated(name=name, files=[], deployed=True, note=_joined(SERVER_ONLY, zone))
    texts, warnings = _new_texts(standing, update, settings, root, now)
    with written(texts):
        if client and deployment:
            await _deploy(standing, client, deployment, root)
    left = "" if deployment else NOT_DEPLOYED if client else NO_SERVER
    note = _joined(left, dropped_zone(standing.raw, update, now))
    return Updated(name=name, files=sorted(texts), deployed=bool(deployment), note=note, warnings=warnings)


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _new_texts(
    standing: Standing, update: SessionUpdate, settings: Settings, root: Path, now: datetime
) -> tuple[dict[Path, str], list[Problem]]:
    """The files that the change writes, checked, and what is unusual about them."""
    texts = {}
    if update.prompt and (file := standing.raw_parameters.get("prompt_file")):
        texts = _prompt_text(standing, str(file), update.prompt, root)
        update = SessionUpdate.model_validate(update.model_dump(include=update.model_fields_set - {"prompt"}))
    listed: list[Raw] = list(standing.listed)
    listed[standing.position] = change_definition(standing.raw, update, now)
    text = rewrite(standing.text, {**standing.content, "deployments": cast("JsonValue", listed)}, standing.file)
    text = _reworded(text, standing.raw, listed[standing.position])
    problems = check_text(text, standing.file, settings, root=root, now=now)
    if errors := errors_in(problems):
        raise SpecError("\n".join(f"{error.field}: {error.message}" for error in errors), field=errors[0].field)
    return texts | ({standing.file: text} if text != standing.text else {}), problems


def _reworded(text: str, before: Raw, after: Raw) -> str:
    """The text with the schedule anew in words where `sessions new` wrote them into a comment."""
    words = [_words_of(raw) for raw in (before, after)]
    return text.replace(f"# {words[0]}.", f"# {words[1]}.", 1) if all(words) else text


def _words_of(raw: Raw) -> str:
    try:
        schedules = [ScheduleEntry.model_validate(entry).schedule for entry in cast("list[Raw]", raw["schedules"])]
    except (KeyError, ValidationError):
        return ""
    return describe(schedules[0]) if len(schedules) == 1 else ""


def _prompt_text(standing: Standing, file: str, prompt: str, root: Path) -> dict[Path, str]:
    """The prompt as the new text of the session's prompt file, which must be its own.

    Raises:
        SpecError: the prompt is no text, or another session has the same file.
    """
    if "\0" in prompt:
        raise SpecError("is no text; say what the agent should do on every run", field="prompt")
    path = (root / file).resolve()
    others = [
        str(other.raw.get("name"))
        for other in all_standing(root)
        if (other.file, other.position) != (standing.file, standing.position)
        and any((root / str(named)).resolve() == path for named in parameter_values(other.raw, "prompt_file"))
    ]
    if others:
        raise SpecError(
            f"{file} is also the prompt of {', '.join(others)}; write another file and give it as prompt_file",
            field="prompt",
        )
    return {path: prompt.strip() + "\n"}


async def _deploy(standing: Standing, client: PrefectClient, deployment: DeploymentResponse, root: Path) -> None:
    definition = load_definitions(standing.file)[standing.position]
    await apply_definitions([definition], client, root=root)
    if not deployment.paused:
        await schedule_slots(client, deployment.id)
