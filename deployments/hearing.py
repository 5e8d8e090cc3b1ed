"""Keeps the server's watch over runs whole: it calls none silent that it could not hear, and forgets none.

Prefect's automations remember over a restart until when a run has to be heard of. A server that was down that long,
stood still, or slept with its machine, would crash every run that lives before it can send its next heartbeat. Here
time in which the server could not hear is no silence. And a server that is killed loses the events that it was
handling: a run that it was about to watch would hold its slot for half an hour. Here each run at work is watched,
whatever was lost (ADR 0028).
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa
from prefect.client.schemas.objects import StateType
from prefect.logging import get_logger
from prefect.server.database import provide_database_interface
from prefect.server.events import triggers
from prefect.server.events.models.automations import automations_session
from prefect.server.events.schemas.automations import EventTrigger, Posture
from prefect.server.events.schemas.events import Resource, ResourceSpecification
from sqlalchemy.exc import SQLAlchemyError

from deployments.automations import NAME, OUR_FLOWS

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from prefect.server.database.orm_models import AutomationBucket
    from prefect.server.events.schemas.events import ReceivedEvent
    from prefect.types import DateTime
    from sqlalchemy.ext.asyncio import AsyncSession

logger = get_logger(__name__)
#: Prefect looks at its automations every 5 s. An absence so short makes no run look silent that beats every 30 s.
GAP = timedelta(seconds=25)
#: How often every run at work is looked for, and for how long one is left to the events that begin the watch.
WATCH, SETTLED = timedelta(minutes=1), timedelta(seconds=20)
_GAPS_KEPT = 50
_AT_WORK = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]


class Hearing:
    """When a server could not hear: before it began, and wherever it was not asked for longer than `GAP`."""

    def __init__(self, now: datetime) -> None:
        self._gaps = [(datetime.min.replace(tzinfo=UTC), now)]
        self._last = now

    def look(self, now: datetime) -> None:
        """To be asked often, as what lies between two questions is what is noticed."""
        if now - self._last > GAP:
            self._gaps = [*self._gaps, (self._last, now)][-_GAPS_KEPT:]
        self._last = now

    def missed(self, since: datetime) -> timedelta:
        """For how long it could not hear since a moment."""
        return sum((max(end - max(begin, since), timedelta()) for begin, end in self._gaps), timedelta())


def watch_over_runs() -> None:
    """Have Prefect's triggers, in this process, leave out what was not heard, and watch each run at work."""
    hearing = Hearing(datetime.now(UTC))
    evaluate, evaluate_all = triggers.evaluate, triggers.evaluate_proactive_triggers
    looked_at = datetime.min.replace(tzinfo=UTC)

    async def evaluate_heard(
        session: "AsyncSession",
        trigger: EventTrigger,
        bucket: "AutomationBucket",
        now: "DateTime",
        triggering_event: "ReceivedEvent | None",
    ) -> "AutomationBucket | None":
        hearing.look(datetime.now(UTC))
        heard = bucket.start + trigger.within + hearing.missed(bucket.start)
        if trigger.posture is Posture.Proactive and heard > bucket.end:
            await _put_off(session, bucket, heard)
        return await evaluate(session, trigger, bucket, now, triggering_event)

    async def evaluate_all_heard() -> None:
        nonlocal looked_at
        now = datetime.now(UTC)
        hearing.look(now)
        await evaluate_all()
        try:
            if now - looked_at >= WATCH and await watch_each_run(now):
                looked_at = now
        except SQLAlchemyError as error:
            # Such as a database that is locked for too long.
            logger.warning("Runs at work cannot be looked for, which is tried again: %s", error)

    triggers.evaluate, triggers.evaluate_proactive_triggers = evaluate_heard, evaluate_all_heard


async def watch_each_run(now: datetime) -> bool:
    """Begin to wait for a sign of life of each run at work of which none is waited for; whether it could be done."""
    watching = [item for item in triggers.triggers.values() if item.automation.name.startswith(NAME)]
    if not watching:
        return False
    session: AsyncSession
    # Each statement for itself: SQLite refuses at once to write in a transaction that read what others changed since.
    async with automations_session() as session:
        for run_id in await _at_work(session, before=now - SETTLED):
            key = f"prefect.flow-run.{run_id}"
            for trigger in (each for each in watching if _is_about(each, key)):
                begin, end = (cast("DateTime", moment) for moment in (now, now + trigger.within))
                begun = triggers.ensure_bucket(session, trigger, (key,), begin, end, last_event=None)
                await cast("Awaitable[AutomationBucket]", begun)
        await session.commit()
    return True


async def _put_off(session: "AsyncSession", bucket: "AutomationBucket", end: "DateTime") -> None:
    """Let a bucket end later. Another session may have removed it: then nothing is to be done, and nothing fails."""
    table = provide_database_interface().AutomationBucket
    # Out of the session, which would write the change down as well, and insist on finding it.
    session.expunge(bucket)
    put_off = sa.update(table).where(table.id == bucket.id).values(end=end)
    await session.execute(put_off, execution_options={"synchronize_session": False})
    bucket.end = end


def _is_about(trigger: EventTrigger, resource_id: str) -> bool:
    match = ResourceSpecification.model_validate(trigger.match)
    return match.matches(Resource({"prefect.resource.id": resource_id}))


async def _at_work(session: "AsyncSession", *, before: datetime) -> list[str]:
    """Our runs that have not ended, and are as they are since before a moment."""
    db = provide_database_interface()
    of_ours = sa.select(db.FlowRun.id).join(db.Flow, db.Flow.id == db.FlowRun.flow_id)
    at_work = of_ours.where(
        db.Flow.name.in_(OUR_FLOWS), db.FlowRun.state_type.in_(_AT_WORK), db.FlowRun.state_timestamp < before
    )
    return [str(run_id) for run_id in await session.scalars(at_work)]
