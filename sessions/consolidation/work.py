"""What goes around a consolidation's call: whether there is anything to do, what is shown, and what comes of it."""

from collections.abc import Callable
from contextlib import closing

from sessions.admission import Skip
from sessions.consolidation.changing import Author
from sessions.consolidation.holdings import gather, unchanged_since, write_listing
from sessions.consolidation.plan import Kind, Plan
from sessions.context import Context, Occasion
from sessions.learned import Learned, LeftOut, LeftOutKind
from sessions.memory import open_memory
from sessions.memory.base import Memory
from sessions.memory.changes import SetVital
from sessions.memory.things import CONSOLIDATION
from sessions.outcome import Outcome
from sessions.run_record import RunRecord
from sessions.settings import Settings

_LEFT_OUT: dict[Kind, LeftOutKind] = {
    "merge": "observation",
    "insight": "observation",
    "belief": "belief",
    "fade": "observation",
    "fade belief": "belief",
    "close thread": "thread",
}


def nothing_new(record: RunRecord, settings: Settings) -> Skip | None:
    """A Skip if nothing was learned since the last consolidation, so that no model need be asked.

    Raises:
        MemoryStoreError: the memory cannot be read.
    """
    with closing(open_memory(settings.memory_address)) as memory:
        since = unchanged_since(memory, agent=record.spec.agent)
    if since is None:
        return None
    local = since.astimezone(record.slot_at.tzinfo)
    reason = f"agent {record.spec.agent} has learned nothing since the consolidation of {local:%Y-%m-%d %H:%M %Z}"
    return Skip(outcome=Outcome.NO_CHANGE, reason=reason)


def consolidation_context(record: RunRecord, open_store: Callable[[], Memory]) -> Context:
    """What the model is shown in place of a session's context; secrets are not taken out of it yet.

    Raises:
        MemoryStoreError: the memory cannot be read.
    """
    agent, now = record.spec.agent, record.opened_at
    with closing(open_store()) as memory:
        holdings = gather(memory, agent=agent, now=now)
    occasion = Occasion(agent=agent, session=record.session, due_at=record.slot_at, now=now)
    return write_listing(holdings, occasion)


def learned_by(plan: Plan, author: Author) -> Learned:
    """What a consolidation comes to, as what any run taught; also that it was done, by which contexts tell its age."""
    done = SetVital(**author.about("set_vital", CONSOLIDATION), name=CONSOLIDATION, value=plan.in_words)
    words = (each for step in plan.taken for each in (*step.gone, *step.come, *step.rests_on))
    refused = [
        LeftOut(kind=_LEFT_OUT[step.kind], text=" ".join(each.text for each in step.come), why=step.refused)
        for step in plan.steps
        if step.refused
    ]
    learned = Learned(changes=[*plan.changes, done], texts={each.id: each.text for each in words})
    return learned.leaving_out(refused)
