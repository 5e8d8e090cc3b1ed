"""What is known about a run, as it stands in its folder."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel

from sessions.channels.base import Receipt
from sessions.outcome import Delivery, Outcome
from sessions.runners.base import AgentEnd
from sessions.runners.questions import AskedQuestion
from sessions.spec import SessionSpec
from sessions.workflow import Workflow
from sessions.workspace.base import CommitResult

Step = Literal[
    "admitted",
    "agent_started",
    "agent_ended",
    "extracted",
    "remembered",
    "committed",
    "reported",
    "delivered",
    "published",
    "closed",
]

#: The session's name where the flow is called without a deployment.
NO_DEPLOYMENT = "no-deployment"


class ChangeMark(BaseModel, frozen=True):
    """What stands for all that a run's agent was asked, and for what the change gate saw."""

    asked: str
    seen: str

    def __str__(self) -> str:
        return f"{self.asked}-{self.seen}"


class RunRecord(BaseModel):
    """What is known about a run, whether it ended or not.

    `slot_at` is the moment the schedule was due, or the moment somebody asked. `steps` holds when each was done,
    `notes` what went wrong beside the agent's work, by step, and `attempts` how often finishing was begun and did not
    come to an end, be that a good one or not. `change_mark` is for the change gate, `trouble` stands for what kept the
    agent from its first token, and `told_before` says that people know of that from an earlier run.
    """

    run_id: str
    run_name: str
    session: str
    spec: SessionSpec
    slot_at: AwareDatetime
    opened_at: AwareDatetime
    steps: dict[Step, AwareDatetime] = {}
    agent_session_id: str = ""
    agent_end: AgentEnd | None = None
    outcome: Outcome | None = None
    reason: str = ""
    delivery: Delivery | None = None
    receipts: list[Receipt] = []
    commits: list[CommitResult] = []
    notes: dict[Step, str] = {}
    questions: list[AskedQuestion] = []
    attempts: int = 0
    cost_usd: float = 0.0
    workflow: Workflow | None = None
    change_mark: ChangeMark | None = None
    trouble: str = ""
    told_before: bool = False

    def done(self, step: Step) -> bool:
        """Whether `step` needs no doing again."""
        return step in self.steps
