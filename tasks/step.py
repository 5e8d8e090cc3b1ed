"""How every step of a flow is a task: not cached, and failing with a sentence instead of a traceback."""

import functools
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar, cast

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, StateType

from sessions.errors import SessionError

P = ParamSpec("P")
R = TypeVar("R")


def step(name: str) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """A task called `name` of an async function.

    A `SessionError` ends the task as failed with its sentence and no traceback in the log; the caller of the task
    gets the very error. Results are not cached, since a step is done once by the run's own record.
    """

    def decorate(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @functools.wraps(function)
        async def careful(*args: P.args, **kwargs: P.kwargs) -> R | State[R]:
            try:
                return await function(*args, **kwargs)
            except SessionError as error:
                return cast("State[R]", State(type=StateType.FAILED, message=str(error), data=error))

        return cast("Callable[P, Awaitable[R]]", task(name=name, cache_policy=NO_CACHE)(careful))

    return decorate
