"""Has the services of the server that hear events and act on them begin anew where a fault ended them.

Prefect begins each once, as a task that nobody looks after. One that meets a locked database when the server comes up,
as after it was killed in the midst of work, is gone for as long as the server lives, and says nothing: no automation
is looked at any more, and a run that died holds its slot until housekeeping finds it, which needs a slot itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary

from prefect.logging import get_logger
from prefect.server.events.services.actions import Actions
from prefect.server.events.services.triggers import ReactiveTriggers

#: Between an end and the next beginning, for what was in the way to pass.
PAUSE_SECONDS = 2.0

logger = get_logger(__name__)
Service = ReactiveTriggers | Actions
Step = Callable[[Service], Awaitable[None]]
#: The task that each service was begun in, until it is to stop.
_Begun = WeakKeyDictionary[Service, asyncio.Task[None] | None]
_LASTS = "_lasts"


def make_services_last() -> None:
    """See to it that both are begun again, in this process, until they are to stop. Once is enough."""
    kinds: tuple[Any, ...] = (ReactiveTriggers, Actions)
    for kind in kinds:
        if not hasattr(kind.start, _LASTS):
            begun = _Begun()
            kind.start, kind.stop = _until_stopped(kind.start, begun), _for_good(kind.stop, begun)
            setattr(kind.start, _LASTS, True)


def _until_stopped(start: Step, begun: _Begun) -> Step:
    async def start_until_stopped(service: Service) -> None:
        begun[service] = asyncio.current_task()
        while service in begun:
            try:
                await start(service)
            # Whatever ended it: nobody else looks at this task, and without it no silent run is ever crashed.
            except Exception:
                logger.exception("%s ended by a fault and begins again", service.name)
            if service in begun:
                await _clear_up(service)
                await asyncio.sleep(PAUSE_SECONDS)

    return start_until_stopped


def _for_good(stop: Step, begun: _Begun) -> Step:
    async def stop_for_good(service: Service) -> None:
        task = begun.pop(service, None)
        if service.consumer_task is not None:
            await stop(service)
        elif task is not None:
            # It pauses or is beginning: there is nothing to stop yet, and Prefect insists that there is.
            task.cancel()

    return stop_for_good


async def _clear_up(service: Service) -> None:
    """Let go of what the service held: nobody would read the events that are still sent to it."""
    if service.consumer_task is not None:
        service.consumer_task.cancel()
        service.consumer_task = None
    if hasattr(service, "consumer"):
        await service.consumer.cleanup()
