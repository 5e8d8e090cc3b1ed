"""The parameters of a session, each once: what it is called on a form, what it means, which values it takes.

The flow's signature is made of these types, and so is `SessionSpec`.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from sessions.mcp_servers import McpServer, ServerName
from sessions.parameter_values import DeliveryTarget, Repo, WorkflowFolder

SLUG = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
RunnerName = Literal["claude-agent-sdk", "anthropic", "gemini"]
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
        description="The agent ends before a request that would bring it over this at list price. 0: no limit.",
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
    Field(
        ge=0,
        title="Successful runs kept",
        description="Housekeeping deletes those of each schedule before the newest so many.",
    ),
]
KeepFailed = Annotated[
    int,
    Field(
        ge=0,
        title="Failed runs kept",
        description="Housekeeping deletes those of each schedule before the newest so many; a run whose agent was "
        "stopped counts as one.",
    ),
]
