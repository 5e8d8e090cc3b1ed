"""An event that follows one which was never sent is handled soon, and not after a quarter of an hour."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.server.events.ordering import CausalOrderingModule, EventArrivedEarly
from prefect.server.events.schemas.events import ReceivedEvent, Resource

from deployments import event_order
from deployments.local_stack import server_environment


def an_event(seconds_ago: float) -> ReceivedEvent:
    moment = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    resource = Resource({"prefect.resource.id": f"prefect.flow-run.{uuid4()}"})
    return ReceivedEvent(
        id=uuid4(),
        event="prefect.flow-run.Pending",
        resource=resource,
        occurred=moment,
        received=moment,
        follows=uuid4(),
    )


async def handled(event: ReceivedEvent) -> bool:
    seen = []

    async def handle(event: ReceivedEvent, depth: int = 0) -> None:
        seen.append((event, depth))

    try:
        async with event_order.CausalOrdering(scope=str(uuid4())).preceding_event_confirmed(handle, event):
            return True
    except EventArrivedEarly:
        return False


@pytest.mark.parametrize(("seconds_ago", "is_handled"), [(0, False), (25, True)])
async def test_it_waits_for_the_event_before_it_a_little_while_and_no_longer(
    seconds_ago: float, is_handled: bool
) -> None:
    assert await handled(an_event(seconds_ago)) is is_handled


async def test_one_that_waited_in_vain_is_given_back_to_be_handled() -> None:
    ordering = event_order.CausalOrdering(scope=str(uuid4()))
    late, early = an_event(25), an_event(0)
    for event in (late, early):
        await ordering.record_follower(event)
    assert await ordering.get_lost_followers() == [late]


def test_the_local_server_is_told_to_order_events_so() -> None:
    assert isinstance(event_order, CausalOrderingModule)
    wanted = server_environment(Path("home"), 1, {})
    assert wanted["PREFECT_SERVER_EVENTS_CAUSAL_ORDERING"] == event_order.__name__
