"""What a session is: the flat parameters of a definition, checked together."""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Self, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError, model_validator

from sessions.errors import SpecError
from sessions.parameter_values import DeliveryTarget
from sessions.parameters import (
    DEFAULT_BACKOFF_SECONDS,
    GATE_ON_REPOS,
    NO_WORKFLOW,
    AgentName,
    AllowedTools,
    BackoffSeconds,
    ChangeGate,
    CostPerDayUsd,
    DeleteAfterRun,
    DisallowedTools,
    FailureTargets,
    InactivityTimeoutSeconds,
    KeepFailed,
    KeepSuccessful,
    MaintenanceFile,
    MaxCostUsd,
    MaxTokens,
    MaxTurns,
    McpServers,
    ModelName,
    Prompt,
    PromptFile,
    Repos,
    Runner,
    RunsPerDay,
    SessionKind,
    StartingDeadlineSeconds,
    Targets,
    Temperature,
    Thinking,
    TimeoutSeconds,
    Unattended,
    Workflow,
)

Function = TypeVar("Function", bound=Callable[..., object])
#: Parameters that say something to an agent at work, and nothing to a consolidation.
_OF_AGENTS = (
    "maintenance_file",
    "max_turns",
    "repos",
    "workflow",
    "change_gate",
    "allowed_tools",
    "disallowed_tools",
    "mcp_servers",
    "thinking",
    "unattended",
)


class SessionSpec(BaseModel, extra="forbid"):
    """The parameters of one run, with the definition's defaults and the run's overrides applied.

    Raises:
        pydantic.ValidationError: a value outside its bounds, or not exactly one kind of prompt.
    """

    prompt: Prompt = ""
    prompt_file: PromptFile = ""
    maintenance_file: MaintenanceFile = ""
    kind: SessionKind = "agent"
    agent: AgentName = "main"
    runner: Runner = "claude-agent-sdk"
    model: ModelName = ""
    temperature: Temperature = 0.7
    max_tokens: MaxTokens = 4000
    timeout_seconds: TimeoutSeconds = 300
    inactivity_timeout_seconds: InactivityTimeoutSeconds = -1
    max_turns: MaxTurns = 0
    max_cost_usd: MaxCostUsd = 0.0
    runs_per_day: RunsPerDay = 0
    cost_per_day_usd: CostPerDayUsd = 0.0
    repos: Repos = []
    workflow: Workflow = NO_WORKFLOW
    change_gate: ChangeGate = ""
    delivery: Targets = []
    failure_delivery: FailureTargets = []
    allowed_tools: AllowedTools = []
    disallowed_tools: DisallowedTools = []
    mcp_servers: McpServers = {}
    thinking: Thinking = False
    unattended: Unattended = "assume"
    starting_deadline_seconds: StartingDeadlineSeconds = 300
    backoff_seconds: BackoffSeconds = DEFAULT_BACKOFF_SECONDS
    delete_after_run: DeleteAfterRun = False
    keep_successful: KeepSuccessful = 5
    keep_failed: KeepFailed = 3

    @model_validator(mode="after")
    def _exactly_one_prompt(self) -> Self:
        if self.prompt and self.prompt_file:
            raise ValueError("prompt: give either prompt or prompt_file, not both")
        if not self.prompt.strip() and not self.prompt_file.strip():
            raise ValueError("prompt: is blank; give the agent something to do, in prompt or prompt_file")
        return self

    @model_validator(mode="after")
    def _files_stay_inside(self) -> Self:
        for field in ("prompt_file", "maintenance_file"):
            name = getattr(self, field)
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or Path(name).is_absolute():
                raise ValueError(f"{field}: {name} is outside the repository; give its path from the repository's root")
        return self

    @model_validator(mode="after")
    def _consolidation_is_one_call(self) -> Self:
        given = [name for name in _OF_AGENTS if getattr(self, name) != SessionSpec.model_fields[name].default]
        if self.kind == "consolidation" and given:
            raise ValueError(
                f"{given[0]}: is for sessions in which an agent works, and a consolidation is one call; take it out"
            )
        return self

    @model_validator(mode="after")
    def _gate_can_tell(self) -> Self:
        if self.change_gate == GATE_ON_REPOS and not self.repos:
            raise ValueError("change_gate: compares repositories, and there are none; add to repos, or give a command")
        if self.change_gate and not self.keep_successful:
            raise ValueError("change_gate: compares with the last completed run; set keep_successful to 1 or more")
        return self

    @model_validator(mode="after")
    def _runner_takes_servers(self) -> Self:
        if self.mcp_servers and self.runner != "claude-agent-sdk":
            raise ValueError(
                f"mcp_servers: runner {self.runner} has none; use runner claude-agent-sdk, or take them out"
            )
        return self


def is_address(gate: str) -> bool:
    """Whether a change gate is an address rather than a command or the word for the repositories."""
    return gate.lower().startswith(("http://", "https://"))


def parse_spec(parameters: Mapping[str, object]) -> SessionSpec:
    """The parameters of a run, checked together.

    Raises:
        SpecError: something is wrong; the sentence names every parameter that is.
    """
    try:
        return SessionSpec.model_validate(dict(parameters))
    except ValidationError as error:
        faults = [
            (".".join(map(str, item["loc"])), item["msg"].removeprefix("Value error, ")) for item in error.errors()
        ]
        sentence = "; ".join(f"{field}: {fault}" if field else fault for field, fault in faults)
        raise SpecError(sentence, field=faults[0][0]) from error


def parse_overrides(pairs: Iterable[str]) -> dict[str, JsonValue]:
    """Parameters as typed: `temperature=0.2`, `repos=[{"url": "."}]`; a value that is no JSON is text.

    Raises:
        SpecError: no `=`, or no such parameter.
    """
    overrides: dict[str, JsonValue] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise SpecError(f"--param {pair}: write it as name=value", field=name)
        if name not in SessionSpec.model_fields:
            raise SpecError(
                f"--param {name}: is no parameter; there are {', '.join(SessionSpec.model_fields)}", field=name
            )
        overrides[name] = _value(name, value)
    return overrides


def _value(name: str, value: str) -> JsonValue:
    if SessionSpec.model_fields[name].annotation is str:
        return value
    try:
        parsed: JsonValue = json.loads(value)
    except ValueError:
        return value
    return parsed


def read_targets(parameters: Mapping[str, object]) -> list[DeliveryTarget]:
    """Whom parameters name that are not all right: of `delivery` and `failure_delivery`, the targets that are."""
    targets: list[DeliveryTarget] = []
    for field in ("delivery", "failure_delivery"):
        listed = parameters.get(field)
        for item in listed if isinstance(listed, list) else []:
            with suppress(ValidationError):
                targets.append(DeliveryTarget.model_validate(item))
    return [target for target in targets if target.mode != "none"]


def describe_parameters(function: Function) -> Function:
    """Add what `SessionSpec` says of each parameter to the docstring, which Prefect shows beside each form field."""
    lines = [f"    {name}: {field.description}" for name, field in SessionSpec.model_fields.items()]
    function.__doc__ = "\n".join([function.__doc__ or "", "", "Args:", *lines])
    return function
