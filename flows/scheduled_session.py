"""The one flow: a scheduled session, from its definition to a delivered report."""

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State

from flows.finish_run import finish_interrupted_runs, finish_run, leave_interrupted
from hooks.failed import wait_with_the_next
from hooks.interrupted import ask_for_housekeeping
from hooks.succeeded import ask_to_delete
from sessions.admission import Skip, overlapping
from sessions.agent_work import end_broken
from sessions.errors import SessionError
from sessions.overlap import hold_run_in_turn, hold_session
from sessions.parameters import (
    DEFAULT_BACKOFF_SECONDS,
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
from sessions.run_folder import RunFolder
from sessions.settings import read_settings
from sessions.spec import describe_parameters, parse_spec
from sessions.warm_up import warm_up_for_worker
from tasks.agent import run_agent
from tasks.change_gate import why_no_change
from tasks.context import build_context
from tasks.flow_runs import Start, describe_start, show_start, state_of, utc_now
from tasks.outliving import outlive_the_worker
from tasks.preflight import prepare
from tasks.refusing import refuse
from tasks.signs_of_life import signs_of_life
from tasks.skipping import close_skipped, say_that_it_waits, why_skip

warm_up_for_worker()


@flow(
    name="scheduled-session",
    persist_result=False,
    on_cancellation=[ask_for_housekeeping],
    on_crashed=[ask_for_housekeeping],
    on_completion=[ask_to_delete],
    on_failure=[wait_with_the_next],
)
@describe_parameters
async def scheduled_session(
    prompt: Prompt = "",
    prompt_file: PromptFile = "",
    maintenance_file: MaintenanceFile = "",
    kind: SessionKind = "agent",
    agent: AgentName = "main",
    runner: Runner = "claude-agent-sdk",
    model: ModelName = "",
    temperature: Temperature = 0.7,
    max_tokens: MaxTokens = 4000,
    timeout_seconds: TimeoutSeconds = 300,
    inactivity_timeout_seconds: InactivityTimeoutSeconds = -1,
    max_turns: MaxTurns = 0,
    max_cost_usd: MaxCostUsd = 0.0,
    runs_per_day: RunsPerDay = 0,
    cost_per_day_usd: CostPerDayUsd = 0.0,
    repos: Repos = [],  # noqa: B006 - Prefect shows it as the form's default and never changes it
    workflow: Workflow = NO_WORKFLOW,
    change_gate: ChangeGate = "",
    delivery: Targets = [],  # noqa: B006
    failure_delivery: FailureTargets = [],  # noqa: B006
    allowed_tools: AllowedTools = [],  # noqa: B006
    disallowed_tools: DisallowedTools = [],  # noqa: B006
    mcp_servers: McpServers = {},  # noqa: B006
    thinking: Thinking = False,
    unattended: Unattended = "assume",
    starting_deadline_seconds: StartingDeadlineSeconds = 300,
    backoff_seconds: BackoffSeconds = DEFAULT_BACKOFF_SECONDS,
    delete_after_run: DeleteAfterRun = False,
    keep_successful: KeepSuccessful = 5,
    keep_failed: KeepFailed = 3,
) -> State[None]:
    """Run one scheduled session, from its definition to a delivered report."""
    parameters = dict(locals())
    outlive_the_worker()
    try:
        start = await describe_start(parse_spec(parameters), utc_now())
        async with hold_run_in_turn(read_settings().home, start.record, on_wait=say_that_it_waits) as run:
            with signs_of_life():
                return await run_session(run, start)
    except SessionError as error:
        return await refuse(parameters, error)


async def run_session(run: RunFolder, start: Start) -> State[None]:
    """What happens between the slot and the end, unless the run was begun before or may not begin."""
    if run.record.done("closed"):
        get_run_logger().warning("This run is over and is not run again; start a new one with `sessions trigger`")
        return state_of(run.record)
    await show_start(run.record)
    with hold_session(read_settings().home, run.record) as holder:
        if holder and not run.record.steps:
            return await close_skipped(run, overlapping(holder))
        await finish_interrupted_runs(agent=run.record.spec.agent, session=run.record.session)
        if skip := await why_skip(run, start):
            return await close_skipped(run, skip)
        if run.record.done("agent_started"):
            await leave_interrupted(run)
        elif skip := await work(run, start):
            return await close_skipped(run, skip)
        return await finish_run(run)


async def work(run: RunFolder, start: Start) -> Skip | None:
    """The agent's part, with what it needs before; what keeps it from working is how it ended, or why it is skipped."""
    try:
        repos = await prepare(run)
        if skip := await why_no_change(run, repos, automatic=start.automatic):
            return skip
        context = await build_context(run, repos)
        await run_agent(run, repos, context)
    except SessionError as error:
        end_broken(run, str(error), utc_now())
    return None
