"""The memory tools of one run, over a real store with something in it."""

from datetime import UTC, datetime
from pathlib import Path

from sessions.memory import open_memory
from sessions.memory.base import Memory
from sessions.memory.changes import Add, Believe, Change, FadeBelief, OpenThread
from sessions.memory_tools import AgentMemory
from sessions.pending_changes import FILE_NAME, PendingChanges
from sessions.redaction import Redactor
from tests.fakes.observations import MIDNIGHT, an_observation

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RUN = "run-2"
BELIEF = "5be11e4a-green-doors-are-quiet"
FADED = "fade4d11-red-doors-are-loud"
SOLO = "5010aaaa-oil-the-hinge"
DISCUSS = "d15cbbbb-which-colour"
TOKEN = "open-sesame-and-quietly"


def _about(op: str, of: str) -> dict[str, object]:
    return {"id": f"{op}-{of}", "agent": "main", "run": "run-1", "at": MIDNIGHT, "op": op}


class RunMemory:
    """One run of agent `main`: its tools, its file, and the store that they read."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'memory.sqlite3'}"
        self.path = folder / FILE_NAME
        with self.open() as store:
            store.apply(self._known())
        pending = PendingChanges(self.path, agent="main", run=RUN, redact=Redactor({"DOOR_TOKEN": TOKEN}))
        self.pending = pending
        self.memory = AgentMemory(pending, session="night-watch", open_store=self.open, now=lambda: NOON)
        self.tools = self.memory.tools()

    def open(self) -> Memory:
        return open_memory(self.url)

    def written(self) -> list[Change]:
        return list(PendingChanges(self.path, agent="main", run=RUN, redact=Redactor({})).changes)

    @staticmethod
    def _known() -> list[Change]:
        seen = an_observation(1, "The cellar door is green.", quote="door: green")
        return [
            Add.model_validate(_about("add", "1") | {"observation": seen}),
            Believe.model_validate(_about("believe", "1") | {"belief": BELIEF, "text": "Green doors are quiet."}),
            Believe.model_validate(_about("believe", "2") | {"belief": FADED, "text": "Red doors are loud."}),
            FadeBelief.model_validate(_about("fade_belief", "2") | {"belief": FADED, "reason": "one was quiet"}),
            OpenThread.model_validate(
                _about("open_thread", "1") | {"thread": SOLO, "tag": "solo", "text": "Oil the hinge."}
            ),
            OpenThread.model_validate(
                _about("open_thread", "2") | {"thread": DISCUSS, "tag": "discuss", "text": "Which colour?"}
            ),
        ]
