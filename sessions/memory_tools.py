"""What an agent can do with its memory while it works: look things up at once, and write what is applied afterwards."""

import asyncio
import functools
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from sessions.errors import MemoryStoreError, RunFolderError
from sessions.mcp_servers import MEMORY_SERVER
from sessions.memory.base import Memory
from sessions.memory.changes import (
    Change,
    CloseThread,
    FadeBelief,
    OpenThread,
    SetProject,
    SetVital,
    Strengthen,
    WriteJournal,
    identity,
)
from sessions.memory.state import STATE_OPS, State
from sessions.memory.things import Belief, JournalEntry, Thread, ThreadTag
from sessions.memory_tools_answers import (
    Recalled,
    RecalledBelief,
    recalled_belief,
    recalled_observation,
    recalled_thread,
    short,
)
from sessions.memory_tools_inputs import (
    INPUTS,
    CloseThreadInput,
    FadeBeliefInput,
    ListThreadsInput,
    NoteThreadInput,
    RecallInput,
    SetProjectInput,
    SetVitalInput,
    StrengthenBeliefInput,
    WriteJournalInput,
)
from sessions.pending_changes import MOST_CHANGES, PendingChanges
from sessions.runners.file_tools import ToolError
from sessions.runners.session_tools import SessionTool

MOST_BELIEFS = 5
#: The oldest and the newest so many, where there are more.
MOST_THREADS = 20
_WORD = re.compile(r"\w{3,}")
Thing = TypeVar("Thing", Belief, Thread)


class AgentMemory:
    """The memory tools of one run.

    Args:
        pending: takes what the agent writes.
        session: the session's name.
        open_store: opens the memory, to read it; called for each look.
        now: the clock.
    """

    def __init__(
        self,
        pending: PendingChanges,
        *,
        session: str,
        open_store: Callable[[], Memory],
        now: Callable[[], datetime],
    ) -> None:
        self._pending = pending
        self._session = session
        self._open_store = open_store
        self._now = now

    def tools(self) -> tuple[SessionTool, ...]:
        """The tools, for any runner."""
        return tuple(
            SessionTool(
                server=MEMORY_SERVER, tool=name, input=asked, call=functools.partial(_in_thread, getattr(self, name))
            )
            for name, asked in INPUTS.items()
        )

    def recall(self, asked: RecallInput) -> str:
        """Observations that speak to the query, best first, and beliefs that share words with it."""
        with self._open_store() as store:
            found = store.recall(agent=self._pending.agent, query=asked.query, limit=asked.limit)
            state = self._state(store)
        beliefs = self._beliefs(state, asked.query)
        return Recalled(observations=[recalled_observation(item) for item in found], beliefs=beliefs or None).text()

    def list_threads(self, _asked: ListThreadsInput) -> str:
        """The open threads that a session without a person may take up, and those of this run."""
        with self._open_store() as store:
            threads = [thread for thread in self._threads(self._state(store)) if not thread.closed_at]
        more = max(len(threads) - 2 * MOST_THREADS, 0)
        shown = [*threads[:MOST_THREADS], *threads[MOST_THREADS + more :]]
        return Recalled(threads=[recalled_thread(thread) for thread in shown], not_shown=more or None).text()

    def note_thread(self, asked: NoteThreadInput) -> str:
        """Open a thread, unless the same one is open."""
        thread, is_new = self.open_thread(asked.text, asked.tag)
        return f"Noted as {short(thread)}." if is_new else f"It is noted already, as {short(thread)}."

    def open_thread(self, text: str, tag: ThreadTag) -> tuple[str, bool]:
        """The id of the open thread that says `text`, and whether it was opened for that.

        Raises:
            ToolError: the run has written as often as it may.
            MemoryStoreError: the memory cannot be read.
            RunFolderError: the disk does not take it.
        """
        with self._open_store() as store:
            open_ones = self._state(store).open_threads(tag)
        if same := next((thread for thread in open_ones if _alike(thread.text, text)), None):
            return same.id, False
        thread, session = identity("thread", self._pending.run, tag, text), self._session
        about = self._about("open_thread", thread)
        self._write(OpenThread(**about, quote=text, thread=thread, tag=tag, text=text, session=session))
        return thread, True

    def close_thread(self, asked: CloseThreadInput) -> str:
        """Close a thread of those that `list_threads` shows."""
        with self._open_store() as store:
            thread = _named(self._threads(self._state(store)), asked.thread, "thread; see list_threads")
        if thread.closed_at:
            return f"It is closed already: {thread.reason}"
        self.end_thread(thread.id, asked.reason)
        return f"Closed {short(thread.id)}."

    def end_thread(self, thread: str, reason: str) -> None:
        """Close the thread with that id.

        Raises:
            ToolError: the run has written as often as it may.
            RunFolderError: the disk does not take it.
        """
        about = self._about("close_thread", thread)
        self._write(CloseThread(**about, quote=reason, thread=thread, reason=reason))

    def strengthen_belief(self, asked: StrengthenBeliefInput) -> str:
        """Strengthen a belief that is held; one that was faded comes back only by a person."""
        belief = self._belief(asked.belief)
        if belief.faded_at:
            raise ToolError(f"It was faded, because {belief.reason}; only a person can bring it back.")
        about = self._about("strengthen", belief.id)
        if self._pending.holds(about["id"]):
            return "This session has strengthened it already; once is what counts."
        self._write(Strengthen(**about, quote=asked.reason, belief=belief.id, reason=asked.reason))
        return f"Strengthened {short(belief.id)}."

    def fade_belief(self, asked: FadeBeliefInput) -> str:
        """Fade a belief."""
        belief = self._belief(asked.belief)
        if belief.faded_at:
            return f"It is faded already: {belief.reason}"
        about = self._about("fade_belief", belief.id)
        self._write(FadeBelief(**about, quote=asked.reason, belief=belief.id, reason=asked.reason))
        return f"Faded {short(belief.id)}."

    def write_journal(self, asked: WriteJournalInput) -> str:
        """Write the run's journal entry. As with what is set, back to an earlier one is a change of its own."""
        run, told = self._pending.run, asked.model_dump()
        earlier = [change for change in self._pending.changes if isinstance(change, WriteJournal)]
        if not (earlier and earlier[-1].entry.model_dump(include=set(told)) == told):
            entry = JournalEntry(id=run, agent=self._pending.agent, session=self._session, at=self._now(), **told)
            about = self._about("write_journal", *told.values(), *(change.id for change in earlier[-1:]))
            self._write(WriteJournal(**about, quote=asked.theme, entry=entry))
        return "Written."

    def set_vital(self, asked: SetVitalInput) -> str:
        """Set an indicator."""
        self._set(SetVital, asked, asked.value)
        return f"{asked.name} is set."

    def set_project(self, asked: SetProjectInput) -> str:
        """Say where a project stands."""
        self._set(SetProject, asked, asked.status)
        return f"{asked.name} is set."

    def _set(self, kind: type[SetVital | SetProject], asked: SetVitalInput | SetProjectInput, quote: str) -> None:
        """Write what is set. Set to one thing, to another and back again are three changes, the same twice is one."""
        said, op = asked.model_dump(), str(kind.model_fields["op"].default)
        earlier = [change for change in self._pending.changes if isinstance(change, kind) and change.name == asked.name]
        if earlier and earlier[-1].model_dump(include=set(said)) == said:
            return
        before = earlier[-1].id if earlier else ""
        self._write(kind(**self._about(op, *map(str, said.values()), before), quote=quote, **said))

    def _about(self, op: str, *said: str) -> dict[str, Any]:
        """What every change says. Its id comes from what it says, so that a repeated call is the same change."""
        run = self._pending.run
        return {"id": identity(op, run, *said), "agent": self._pending.agent, "run": run, "at": self._now()}

    def _write(self, change: Change) -> None:
        if not self._pending.append(change):
            raise ToolError(f"A session writes at most {MOST_CHANGES} times to its memory, and this one has.")

    def _state(self, store: Memory) -> State:
        """What is held with what this run wrote, which the store does not know yet."""
        stored = store.changes(agent=self._pending.agent, ops=STATE_OPS)
        return State.read([*stored, *self._pending.changes])

    def _threads(self, state: State) -> list[Thread]:
        """Threads that wait for a person are not shown to a session without one, but for its own."""
        return [t for t in state.threads.values() if t.tag != "discuss" or t.run == self._pending.run]

    def _belief(self, given: str) -> Belief:
        with self._open_store() as store:
            return _named(list(self._state(store).beliefs.values()), given, "belief; recall shows those there are")

    def _beliefs(self, state: State, query: str) -> list[RecalledBelief]:
        moment, asked = self._now(), _words(query)
        beliefs = [*state.held_beliefs(moment), *state.faded_beliefs()]
        near = sorted(beliefs, key=lambda belief: -len(asked & _words(belief.text)))
        spoken_of = [belief for belief in near if asked & _words(belief.text)]
        return [recalled_belief(belief, moment) for belief in spoken_of[:MOST_BELIEFS]]


async def _in_thread(method: Callable[[Any], str], asked: BaseModel) -> str:
    """Away from the event loop: a disk can be slow, and the stream and the limits go on meanwhile."""
    try:
        return await asyncio.to_thread(method, asked)
    except (MemoryStoreError, RunFolderError) as error:
        raise ToolError(f"The memory did not take it: {error}.") from error


def _named(things: list[Thing], given: str, kind: str) -> Thing:
    found = [thing for thing in things if thing.id.startswith(given)]
    if len(found) != 1:
        raise ToolError(f"{given} is {'no' if not found else 'more than one'} {kind}.")
    return found[0]


def _alike(one: str, other: str) -> bool:
    return one.split() == other.split()


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))
