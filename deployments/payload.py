"""What `prefect deploy` would send for a definition, made without asking the server."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from prefect import Flow

# There is no public way to the version that `prefect deploy` infers from git. Drop when there is.
from prefect._internal.versioning import get_inferred_version_info
from prefect.client.schemas.objects import ConcurrencyOptions, VersionInfo
from prefect.exceptions import MissingFlowError, ScriptError
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from pydantic import BaseModel, JsonValue

from deployments.definitions import Definition, ScheduleEntry
from sessions.errors import SpecError

_WORKING_DIRECTORY = "prefect.deployments.steps.set_working_directory"
#: Where Prefect looks for the code in an image that somebody else built.
_IMAGE_DIRECTORY = "/opt/prefect"


class Payload(BaseModel, frozen=True, arbitrary_types_allowed=True):
    """One deployment on its way to the server, but for its schedules, which depend on those that are there."""

    name: str
    flow_name: str
    entries: list[ScheduleEntry]
    version: str | None
    version_info: VersionInfo
    description: str | None
    tags: list[str]
    entrypoint: str
    parameters: dict[str, JsonValue]
    parameter_openapi_schema: dict[str, Any]
    enforce_parameter_schema: bool = True
    work_pool_name: str
    work_queue_name: str | None
    job_variables: dict[str, JsonValue]
    concurrency_limit: int
    concurrency_options: ConcurrencyOptions
    pull_steps: list[dict[str, JsonValue]]

    @property
    def shared_fields(self) -> dict[str, Any]:
        """What creating and updating a deployment have in common, as arguments of Prefect's client."""
        return self.model_dump(exclude={"name", "flow_name", "entries"})


async def build_payloads(definitions: Sequence[Definition], root: Path) -> list[Payload]:
    """The payloads of the definitions; each flow is loaded once.

    Raises:
        SpecError: a flow cannot be loaded.
    """
    inferred = await get_inferred_version_info()
    flows = {entrypoint: _load_flow(entrypoint, root) for entrypoint in {each.entrypoint for each in definitions}}
    schemas = {entrypoint: parameter_schema(flow).model_dump(exclude_unset=True) for entrypoint, flow in flows.items()}
    build = partial(_build, root=root, inferred=inferred)
    return [build(each, flow=flows[each.entrypoint], schema=schemas[each.entrypoint]) for each in definitions]


def _build(
    definition: Definition, *, root: Path, inferred: VersionInfo | None, flow: "Flow[..., Any]", schema: dict[str, Any]
) -> Payload:
    version = definition.version or (inferred.version if inferred else flow.version)
    info = inferred or VersionInfo(type="prefect:simple", version="")
    return Payload(
        name=definition.name,
        flow_name=flow.name,
        entries=definition.schedules,
        version=version,
        version_info=info.model_copy(update={"version": version or ""}),
        description=definition.description or flow.description,
        tags=definition.tags,
        entrypoint=definition.entrypoint,
        parameters=definition.parameters,
        parameter_openapi_schema=schema,
        work_pool_name=definition.work_pool.name,
        work_queue_name=definition.work_pool.work_queue_name,
        job_variables=definition.work_pool.job_variables,
        concurrency_limit=definition.concurrency_limit.limit,
        concurrency_options=ConcurrencyOptions.model_validate(
            {"collision_strategy": definition.concurrency_limit.collision_strategy}
        ),
        pull_steps=_pull_steps(definition, root),
    )


def _load_flow(entrypoint: str, root: Path) -> "Flow[..., Any]":
    try:
        # The placeholder stands in for a flow whose file does not run, and every run of it would crash.
        return load_flow_from_entrypoint(str(root / entrypoint), use_placeholder_flow=False)
    except (ScriptError, MissingFlowError, ImportError, FileNotFoundError) as error:
        raise SpecError(f"entrypoint {entrypoint} cannot be loaded: {error}", field="entrypoint") from error


def _pull_steps(definition: Definition, root: Path) -> list[dict[str, JsonValue]]:
    if definition.pull is not None:
        return definition.pull
    in_image = "image" in definition.work_pool.job_variables
    return [{_WORKING_DIRECTORY: {"directory": _IMAGE_DIRECTORY if in_image else str(root.resolve())}}]
