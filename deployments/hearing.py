"""Keeps the server from calling a run silent in a time in which it could hear nobody.

Prefect's automations remember over a restart until when a run has to be heard of. A server that was down that long,
stood still, or slept with its machine, would crash every run that lives before it can send its next heartbeat. Here the
span of silence is counted from when the server has listened without a gap (ADR 0028).
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from prefect.server.events import triggers
from prefect.server.events.schemas.automations import EventTrigger, Posture

if TYPE_CHECKING:
    from prefect.server.database.orm_models import AutomationBucket
    from prefect.server.events.schemas.events import ReceivedEvent
    from prefect.types import DateTime
    from sqlalchemy.ext.asyncio import AsyncSession

#: Prefect looks at its automations every 5 s.
GAP = timedelta(seconds=20)


class Hearing:
    """Since when a server listens without a gap. `now` is always aware."""

    def __init__(self, now: datetime) -> None:
        self.since = self._last = now

    def look(self, now: datetime) -> datetime:
        """Since when it listens; to be asked often, as what lies between two questions is what is noticed."""
        if abs(now - self._last) > GAP:
            self.since = now
        self._last = now
        return self.since


def forgive_what_was_not_heard() -> None:
    """Have Prefect's triggers, in this process, count silence from when it listens."""
    hearing = Hearing(datetime.now(UTC))
    evaluate, evaluate_all = triggers.evaluate, triggers.evaluate_proactive_triggers

    async def evaluate_heard(
        session: "AsyncSession",
        trigger: EventTrigger,
        bucket: "AutomationBucket",
        now: "DateTime",
        triggering_event: "ReceivedEvent | None",
    ) -> "AutomationBucket | None":
        since = hearing.look(datetime.now(UTC))
        if trigger.posture is Posture.Proactive:
            bucket.end = cast("DateTime", max(bucket.end, since + trigger.within))
        return await evaluate(session, trigger, bucket, now, triggering_event)

    async def evaluate_all_heard() -> None:
        hearing.look(datetime.now(UTC))
        await evaluate_all()

    triggers.evaluate, triggers.evaluate_proactive_triggers = evaluate_heard, evaluate_all_heard
