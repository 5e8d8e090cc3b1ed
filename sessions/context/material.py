"""What a context is made of, gathered before a line of it is written."""

from collections.abc import Collection
from datetime import datetime

from pydantic import AwareDatetime, BaseModel

from sessions.memory.base import Memory
from sessions.memory.state import State
from sessions.memory.things import JournalEntry, Observation, ThreadTag
from sessions.past_runs import PastRun
from sessions.spec import SessionSpec
from sessions.workspace.base import GitState

#: So many are shown at most; those looked up beyond that stand in the manifest as left out.
RELEVANT_OBSERVATIONS, LATEST_OBSERVATIONS = 12, 8
_RELEVANT_LOOK, _LATEST_LOOK = 20, 16
#: Which threads a session may take up. What waits for a person is not shown to a run without one, nor the reverse.
UNATTENDED_THREADS: tuple[ThreadTag, ...] = ("solo", "experiment")
ATTENDED_THREADS: tuple[ThreadTag, ...] = ("discuss",)


class Occasion(BaseModel, frozen=True):
    """For whom, when and under which limits a context is written.

    Attributes:
        agent: whose memory it is.
        session: what the session is called.
        due_at: when it was due; its zone is the one that all times are shown in.
        now: by which things are old and beliefs fade.
        attended: a person is there to answer.
        limits: what will end the run; None where nothing does.
    """

    agent: str
    session: str
    due_at: AwareDatetime
    now: AwareDatetime
    attended: bool = False
    limits: SessionSpec | None = None

    @property
    def thread_tags(self) -> tuple[ThreadTag, ...]:
        """The queue of threads that this session draws from."""
        return ATTENDED_THREADS if self.attended else UNATTENDED_THREADS

    def day(self, moment: datetime) -> str:
        """A date on the clock of the session, so that a night's run is not dated by the day before."""
        return f"{moment.astimezone(self.due_at.tzinfo):%Y-%m-%d}"

    def minute(self, moment: datetime) -> str:
        """The same with its time of day."""
        return f"{moment.astimezone(self.due_at.tzinfo):%Y-%m-%d %H:%M}"


class KnownSoFar(BaseModel, frozen=True):
    """What the memory holds for one session: the relevant observations best first, the latest newest first.

    `total` counts all that are active.
    """

    state: State = State()
    relevant: list[Observation] = []
    latest: list[Observation] = []
    total: int = 0

    @property
    def journal(self) -> list[JournalEntry]:
        """Newest first."""
        return sorted(self.state.journal.values(), key=lambda entry: (entry.at, entry.id), reverse=True)

    @property
    def learned_at(self) -> datetime | None:
        """When something was learned last; None if nothing ever was."""
        moments = [item.created_at for item in (*self.latest, *self.relevant)] + [entry.at for entry in self.journal]
        return max(moments, default=None)


class Material(BaseModel, frozen=True):
    """All of it. `runs` are the agent's earlier ones, newest first; `maintenance` is the text of the list, if any.

    `synced_at` is when the repositories were brought up to date; None where that is not known.
    """

    occasion: Occasion
    known: KnownSoFar = KnownSoFar()
    git: tuple[GitState, ...] = ()
    synced_at: AwareDatetime | None = None
    runs: tuple[PastRun, ...] = ()
    maintenance: str = ""

    @property
    def runs_of_session(self) -> list[PastRun]:
        """Those of the same session."""
        return [run for run in self.runs if run.session == self.occasion.session]


def look_up(memory: Memory, *, agent: str, prompt: str) -> KnownSoFar:
    """What `agent` holds, what it knows that bears on `prompt`, and what it learned last.

    Raises:
        MemoryStoreError: the memory cannot be read.
    """
    return KnownSoFar(
        state=memory.state(agent=agent),
        relevant=memory.recall(agent=agent, query=prompt, limit=_RELEVANT_LOOK),
        latest=memory.latest(agent=agent, limit=_LATEST_LOOK),
        total=memory.count(agent=agent),
    )


def unseen(items: Collection[Observation], seen: Collection[Observation]) -> list[Observation]:
    """Those of `items` that are not among `seen`."""
    ids = {item.id for item in seen}
    return [item for item in items if item.id not in ids]
