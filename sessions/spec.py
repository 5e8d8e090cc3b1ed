"""What a session is: the flat parameters of a definition, checked.

The annotated types are the single place that says what a parameter is called on a form, what it means and which
values it takes. The flow's signature is made of them, and so is `SessionSpec`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, Field, JsonValue, StringConstraints, ValidationError, model_validator

from sessions.errors import SpecError
from sessions.mcp_servers import McpServer, ServerName

Function = TypeVar("Function", bound=Callable[..., object])
SLUG = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
RunnerName = Literal["claude-agent-sdk", "anthropic", "gemini"]
ChannelName = Literal["file", "webhook", "telegram", "slack", "discord", "apprise"]


class Repo(BaseModel, extra="forbid"):
    """A git repository that the agent works on."""

    url: str = Field(
        min_length=1,
        title="URL",
        description="Where to clone from: https, ssh, or a path; `.` is the checkout that runs the session. "
        "No credentials in it.",
    )
    branch: str = Field("", title="Branch", description="Empty: the repository's default branch.")
    auto_push: bool = Field(
        default=False,
        title="Push what the agent committed or changed",
        description="Off: changes are kept with the run and reported.",
    )


class WorkflowFolder(BaseModel, extra="forbid"):
    """A folder in git whose folder `.ambient` holds `ambient.json`: name, description, system and start-up prompt."""

    git_url: str = Field(
        "",
        title="URL",
        description="Where its repository is, as in repos. Empty: no workflow.",
    )
    branch: str = Field("", title="Branch", description="Empty: the repository's default branch.")
    path: str = Field("", title="Path", description="Of the folder, from the root of that repository.")

    @model_validator(mode="after")
    def _is_one_or_none(self) -> Self:
        if not self.git_url and (self.branch or self.path):
            raise ValueError("git_url: is missing; say in which repository the workflow is")
        path = PurePosixPath(self.path)
        if path.is_absolute() or ".." in path.parts or "\\" in self.path:
            raise ValueError(f"path: {self.path} is outside the repository; give it from the repository's root")
        return self


class DeliveryTarget(BaseModel, extra="forbid"):
    """Where the report goes."""

    mode: Literal["announce", "none"] = Field(
        "announce", title="Mode", description="none: the target is kept but nothing is sent to it."
    )
    channel: ChannelName = Field(title="Channel")
    to: str = Field(
        "",
        title="To",
        description="file: a path. webhook and apprise: a URL. telegram: CHAT, CHAT:topic:TOPIC or CHAT:TOPIC. "
        "slack, discord: empty for the address in the environment. `${NAME}` is read from the environment of "
        "the worker when the report is sent, so that no secret stands here.",
    )
    best_effort: bool = Field(
        default=False,
        title="Best effort",
        description="On: tried once, and a failure raises no alert at failure_delivery. It is recorded all the same.",
    )

    @model_validator(mode="after")
    def _needs_an_address(self) -> Self:
        if self.channel in ("file", "webhook", "telegram", "apprise") and not self.to.strip():
            raise ValueError(f"channel {self.channel} needs `to`")
        return self


Prompt = Annotated[
    str,
    Field(title="Prompt", description="What the agent is asked on every run. Either this or a prompt file."),
]
PromptFile = Annotated[
    str,
    Field(
        title="Prompt file",
        description="A file in the repository that holds the prompt: its path from the root.",
    ),
]
MaintenanceFile = Annotated[
    str,
    Field(
        title="Maintenance list",
        description="A file in the repository with standing suggestions, shown to the agent as such and not as orders: "
        "its path from the root. The first 20 lines with words count.",
    ),
]
SessionKind = Annotated[
    Literal["agent", "consolidation"],
    Field(
        title="Kind of session",
        description="agent: an agent works on the prompt. consolidation: one call of the model tidies what the agent "
        "remembers, with the prompt as guidance: it merges, raises insights and beliefs, fades and closes, at most 40 "
        "changes a run. A scheduled one is recorded as no_change when nothing was learned since the last.",
    ),
]
AgentName = Annotated[
    str,
    StringConstraints(pattern=SLUG),
    Field(
        title="Agent",
        description="Who runs: owns a memory and a budget. Lower-case letters, digits, hyphens.",
    ),
]
Runner = Annotated[
    RunnerName,
    Field(
        title="Runner",
        description="claude-agent-sdk: Claude Code with its tools. anthropic: a light tool loop for Claude models. "
        "gemini: the same loop for Gemini models.",
    ),
]
ModelName = Annotated[
    str,
    Field(
        title="Model",
        description="For example claude-sonnet-4-5, anthropic/claude-opus-4-5 or gemini-2.5-flash. "
        "Empty: the agent's default, then the project's, then claude-sonnet-4-5.",
    ),
]
Temperature = Annotated[
    float,
    Field(ge=0, le=2, title="Temperature", description="0 is the most repeatable. Claude takes 0 to 1, Gemini 0 to 2."),
]
MaxTokens = Annotated[
    int,
    Field(ge=1, title="Max tokens", description="The longest single answer, in tokens. Usual: 100 to 8,000."),
]
TimeoutSeconds = Annotated[
    int,
    Field(
        ge=0,
        title="Timeout (seconds)",
        description="The agent and all it started end after this time; what exists is still remembered and "
        "delivered. 0: none. Usual: 60 to 1,800.",
    ),
]
InactivityTimeoutSeconds = Annotated[
    int,
    Field(
        ge=-1,
        title="Inactivity timeout (seconds)",
        description="The agent ends after this time without a word or a tool event. 0: never. "
        "-1: the project's setting, which is 24 hours by default.",
    ),
]
MaxTurns = Annotated[
    int,
    Field(ge=0, title="Max turns", description="The agent ends after this many model answers. 0: no limit."),
]
MaxCostUsd = Annotated[
    float,
    Field(
        ge=0,
        title="Max cost (US dollars)",
        description="The agent ends when the answers so far cost this much at list price. 0: no limit.",
    ),
]
RunsPerDay = Annotated[
    int,
    Field(
        ge=0,
        title="Runs per day",
        description="A further run of the agent on one day is recorded as over_budget and not started. All sessions of "
        "the agent count; the day is that of the schedule's zone. 0: the agent's or the project's setting, which is "
        "no limit by default.",
    ),
]
CostPerDayUsd = Annotated[
    float,
    Field(
        ge=0,
        title="Cost per day (US dollars)",
        description="Once all runs of the agent on one day have cost this much, extraction included, the one at work "
        "ends and a further one is recorded as over_budget and not started. 0: the agent's or the project's setting, "
        "which is no limit by default.",
    ),
]
Repos = Annotated[list[Repo], Field(title="Repositories", description="The first is where the agent starts.")]
NO_WORKFLOW = WorkflowFolder()
Workflow = Annotated[
    WorkflowFolder,
    Field(
        title="Workflow",
        description="Its system prompt stands before the session's context, and its start-up prompt before the "
        "session's prompt, as its branch has them when the run begins. Its other files are not brought; name its "
        "repository under repos too where the agent needs them.",
    ),
]
#: The word for "compare the session's repositories".
GATE_ON_REPOS = "repos"
ChangeGate = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    Field(
        title="Change gate",
        description="What is looked at before the agent starts. Where it is as it was for the last completed run, and "
        "the agent would be asked the same, a scheduled run is recorded as no_change and no model is called. "
        "`repos`: the newest commits of the repositories; what a run itself pushed is no change. An http or https "
        "address: its answer. Anything else: a shell command, run for at most 60 s where the agent would start and "
        "with what the agent sees of the environment; its output. What a person triggers runs anyway. Empty: none.",
    ),
]
Targets = Annotated[list[DeliveryTarget], Field(title="Delivery", description="Where the report goes.")]
FailureTargets = Annotated[
    list[DeliveryTarget],
    Field(title="Failure delivery", description="Told, beside `delivery`, when a run or a delivery failed."),
]
AllowedTools = Annotated[
    list[str],
    Field(
        title="Allowed tools",
        description="For example Read, Grep, Bash, `Bash(git log:*)`. Empty: the runner's safe set. The agent's memory "
        "and the servers of mcp_servers are allowed beside them; where rules such as mcp__memory__recall name tools of "
        "one, it is those alone.",
    ),
]
DisallowedTools = Annotated[
    list[str],
    Field(
        title="Disallowed tools",
        description="Taken away from the allowed ones; mcp__memory takes the agent's memory away, AskUserQuestion its "
        "questions.",
    ),
]
McpServers = Annotated[
    dict[ServerName, McpServer],
    Field(
        title="MCP servers",
        description="By name, as in Claude Code's .mcp.json: {command, args, env}, or {type: http or sse, url, "
        "headers}. `${NAME}` is read from the agent's environment (SESSIONS_AGENT_ENV), so that no secret stands "
        "here. Started for the run, and nothing else is. For runner claude-agent-sdk.",
    ),
]
Thinking = Annotated[
    bool,
    Field(
        title="Thinking",
        description="On: the model may think before it answers, with half of max_tokens, which has to be 2,048 or "
        "more. Claude models think at temperature 1 only.",
    ),
]
Unattended = Annotated[
    Literal["assume", "pause", "fail"],
    Field(
        title="When it asks",
        description="assume: the agent is told to state its assumption and go on, and the question waits for a "
        "session with a person. pause: the run waits for an answer, for SESSIONS_ANSWER_WAIT_SECONDS at most, and "
        "keeps its slot. fail: the run ends as needs_input.",
    ),
]
StartingDeadlineSeconds = Annotated[
    int,
    Field(
        ge=0,
        title="Starting deadline (seconds)",
        description="A scheduled run that would start later than this after its slot is recorded as missed. "
        "0: it runs however late.",
    ),
]
#: A year: beyond it a date may not be one any more.
LONGEST_WAIT_SECONDS = 366 * 24 * 3600
DEFAULT_BACKOFF_SECONDS = [30, 60, 300, 900, 3600]
BackoffSeconds = Annotated[
    list[Annotated[int, Field(ge=0, le=LONGEST_WAIT_SECONDS)]],
    Field(
        title="Back-off (seconds)",
        description="How long the schedule waits after one error, after two in a row, and so on; the last holds for "
        "all further ones. Slots within the wait are recorded as backing_off, and one attempt is made at its end. "
        "A success resets it. Empty: no wait. What a person triggers never waits.",
    ),
]
DeleteAfterRun = Annotated[
    bool,
    Field(
        title="Delete after run",
        description="For a session that is due once: housekeeping deletes the deployment after its run succeeded. "
        "The run itself, with its report, is kept for 30 days.",
    ),
]
KeepSuccessful = Annotated[
    int,
    Field(ge=0, title="Successful runs kept", description="Housekeeping deletes those before the newest so many."),
]
KeepFailed = Annotated[
    int,
    Field(ge=0, title="Failed runs kept", description="Housekeeping deletes those before the newest so many."),
]


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
