"""What drives a model: one Protocol, and what goes in and comes out of it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, JsonValue, SecretStr

from sessions.mcp_servers import McpServer
from sessions.models import Model, Usage
from sessions.runners.questions import Attendant
from sessions.runners.session_tools import SessionTool
from sessions.sandbox import Sandbox
from sessions.settings import ModelAccess
from sessions.transcript import Entry, Transcript


class Stop(StrEnum):
    """Why an agent ended."""

    FINISHED = "finished"
    MAX_TURNS = "max_turns"
    MAX_COST = "max_cost"
    DAY_COST = "day_cost"
    LOOP = "loop"
    NEEDS_INPUT = "needs_input"
    TIMED_OUT = "timed_out"
    INACTIVE = "inactive"
    REFUSED = "refused"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Denial(BaseModel, frozen=True):
    """A tool call that the agent was not allowed to make."""

    tool: str
    arguments: dict[str, JsonValue] = {}


class AgentTask(BaseModel, frozen=True, arbitrary_types_allowed=True):
    """Everything a runner needs for one run.

    `context` is added to the system prompt. `environment` is the whole environment of the agent's process and of the
    tools it runs. `max_turns` and `max_cost_usd` are 0 for none; `left_of_day_usd` says what the agent may still spend
    today, as of when it is asked, without what this run spends. After `loop_warn_after` calls that go in circles the
    agent is warned and after `loop_stop_after` it is stopped, 0 for never. Empty `allowed_tools` means the runner's
    safe set. `session_tools` run in our own process, and those of `mcp_servers` in servers that the runner starts or
    calls. Without an `attendant` the agent has no way to ask; with a `sandbox` its process and commands run in that.
    `agent_session_id` is a UUID that the runner's own session takes.
    """

    prompt: str
    context: str
    model: Model
    temperature: float
    max_tokens: int
    max_turns: int = 0
    max_cost_usd: float = 0.0
    left_of_day_usd: Callable[[], float] | None = None
    loop_warn_after: int = 5
    loop_stop_after: int = 20
    allowed_tools: tuple[str, ...] = ()
    disallowed_tools: tuple[str, ...] = ()
    session_tools: tuple[SessionTool, ...] = ()
    mcp_servers: dict[str, McpServer] = {}
    attendant: Attendant | None = None
    thinking: bool = False
    workspace: Path
    sandbox: Sandbox | None = None
    environment: Mapping[str, str]
    base_url: str = ""
    api_key: str = ""
    retries: int = 2
    agent_session_id: str

    @property
    def access(self) -> ModelAccess:
        """How the model is reached."""
        return ModelAccess(api_key=SecretStr(self.api_key), base_url=self.base_url)

    @property
    def thinking_tokens(self) -> int:
        """How long the model may think before an answer; 0 for not at all."""
        return self.model.thinking_tokens(self.max_tokens) if self.thinking else 0

    @property
    def tools_of_servers(self) -> dict[str, tuple[str, ...] | None]:
        """The tools that rules can name, by their server; None where only the server knows them."""
        own: dict[str, tuple[str, ...] | None] = dict.fromkeys(self.mcp_servers)
        for tool in self.session_tools:
            own[tool.server] = (*(own.get(tool.server) or ()), tool.tool)
        return own

    @property
    def limits_cost(self) -> bool:
        """Whether the run may cost only so much."""
        return bool(self.max_cost_usd) or self.left_of_day_usd is not None

    @property
    def nearest_cost_limit(self) -> tuple[Stop, float]:
        """What this run may cost in US dollars, infinite for no limit, and how it ends there: its own, or its day's."""
        own = self.max_cost_usd or inf
        left = self.left_of_day_usd() if self.left_of_day_usd else inf
        return (Stop.MAX_COST, own) if own <= left else (Stop.DAY_COST, left)

    def is_spent(self, cost_usd: float) -> bool:
        """Whether `cost_usd` is all that this run may cost: of its own limit, or of what is left of the day."""
        return cost_usd >= self.nearest_cost_limit[1]


class AgentEnd(BaseModel, frozen=True):
    """How a runner says that it is done.

    `error` is a sentence for a person when `stop` is FAILED, REFUSED, LOOP or NEEDS_INPUT.
    """

    stop: Stop
    final_text: str = ""
    error: str = ""
    denials: tuple[Denial, ...] = ()


class AgentRun(BaseModel, frozen=True):
    """What one agent did: the same from every runner.

    `cost_usd` comes from the usage that the provider counted and the list price of the model.
    """

    stop: Stop
    final_text: str
    error: str
    transcript: tuple[Entry, ...]
    turns: int
    usage: Usage
    cost_usd: float
    denials: tuple[Denial, ...]
    agent_session_id: str
    started_at: datetime
    ended_at: datetime

    @property
    def duration_seconds(self) -> float:
        """From the prompt to the last word."""
        return (self.ended_at - self.started_at).total_seconds()


class Runner(Protocol):
    """Drives one model until it is done or one of its own limits bites.

    Everything the agent says and does goes into `transcript` as it happens: a `prompt` entry first, then per turn
    thinking, text, tool calls, a `usage` entry, and the tool results. Parts of an answer that are no entry yet are told
    by `transcript.sign()`. Turns are checked by the runner after each turn, and money before each request: `CostWatch`
    says whether it may be sent. Time is checked from outside, by cancelling `run`: the runner then ends what it started
    and re-raises `CancelledError`. Calls that go in circles are the runner's too: `LoopWatch` says when to warn and
    when to stop.

    Raises:
        RunnerError: the runtime could not be started at all.
    """

    name: str
    safe_tools: tuple[str, ...]

    async def run(self, task: AgentTask, transcript: Transcript) -> AgentEnd:
        """Run the task to its end."""
        ...
