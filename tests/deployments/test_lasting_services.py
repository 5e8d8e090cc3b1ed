"""A service of the server that a fault ended hears again, and one that is stopped does not."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from unittest.mock import AsyncMock

import pytest
from prefect.server.events import triggers
from prefect.server.events.services.actions import Actions
from prefect.server.events.services.triggers import ReactiveTriggers
from prefect.server.utilities.messaging import MessageHandler
from prefect.server.utilities.messaging.memory import Topic
from sqlalchemy.exc import OperationalError

from deployments import lasting_services
from tests.fakes.driving import until

LOCKED = OperationalError("SELECT 1", {}, Exception("database is locked"))
SECONDS = 30


@pytest.fixture(autouse=True)
def lasting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Both services as they are in our server, also where that was loaded before, and a clean bus."""
    monkeypatch.setattr(lasting_services, "PAUSE_SECONDS", 0.01)
    for _ in range(2):
        lasting_services.make_services_last()
    Topic.clear_all()
    yield
    Topic.clear_all()


def beginning(monkeypatch: pytest.MonkeyPatch, *, faults: int = 0) -> list[int]:
    """Have the triggers begin without a database, after so many faults; what it returns grows with each beginning."""
    begun = list[int]()

    @asynccontextmanager
    async def consumer() -> AsyncIterator[MessageHandler]:
        begun.append(len(begun))
        if len(begun) <= faults:
            raise LOCKED
        yield AsyncMock()

    monkeypatch.setattr(triggers, "consumer", consumer)
    return begun


@asynccontextmanager
async def started(service: ReactiveTriggers | Actions) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(service.start())
    yield task
    await service.stop()
    done, _ = await asyncio.wait({task}, timeout=SECONDS)
    assert done == {task}


async def test_one_that_met_a_locked_database_when_the_server_came_up_hears_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = beginning(monkeypatch, faults=2)
    service = ReactiveTriggers()
    async with started(service):
        await until(lambda: service.consumer_task is not None)
        assert len(begun) == 3
        assert len(Topic.by_name("events")._subscriptions) == 1


@pytest.mark.parametrize(("kind", "topic"), [(ReactiveTriggers, "events"), (Actions, "actions")])
async def test_one_whose_reading_broke_off_reads_again(
    kind: type[ReactiveTriggers | Actions], topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    beginning(monkeypatch)
    service = kind()
    async with started(service):
        await until(lambda: service.consumer_task is not None)
        broken = service.consumer_task
        assert broken is not None
        broken.cancel()
        await until(lambda: service.consumer_task not in (None, broken))
        assert len(Topic.by_name(topic)._subscriptions) == 1


async def test_one_that_is_stopped_while_it_pauses_stays_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = beginning(monkeypatch, faults=1_000)
    service = ReactiveTriggers()
    async with started(service) as task:
        await until(lambda: len(begun) > 2)
        assert not task.done()
    assert service.consumer_task is None


async def test_one_that_is_stopped_while_it_begins_stays_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = asyncio.Event()

    @asynccontextmanager
    async def consumer() -> AsyncIterator[MessageHandler]:
        waiting.set()
        await asyncio.sleep(SECONDS)  # for a database that is locked
        yield AsyncMock()

    monkeypatch.setattr(triggers, "consumer", consumer)
    service = ReactiveTriggers()
    async with started(service):
        await waiting.wait()
    assert service.consumer_task is None
