"""How every step of a flow is a task: not cached, and failing with a sentence instead of a traceback."""

import functools
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar, cast

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, StateType

from sessions.errors import SessionError
from sessions.redaction import process_redactor

P = ParamSpec("P")
R = TypeVar("R")


def step(name: str) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """A task called `name` of an async function.

    A `SessionError` ends the task as failed with its sentence and no traceback in the log; the caller of the task
    gets the very error. Results are not cached, since a step is done once by the run's own record.
    """

    def decorate(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        async def careful(*args: P.args, **kwargs: P.kwargs) -> R | State[R]:
            try:
                return await function(*args, **kwargs)
            except SessionError as error:
                return State(type=StateType.FAILED, message=process_redactor()(str(error)), data=cast("R", error))

        of_function = functools.wraps(function)
        made = task(name=name, cache_policy=NO_CACHE)(of_function(careful))

        @of_function
        async def call(*args: P.args, **kwargs: P.kwargs) -> R:
            # A task that returns a state hands that state on, failed or not, and raises nothing.
            result = await made(*args, **kwargs)
            return cast("R", await result.aresult()) if isinstance(result, State) else result

        return call

    return decorate
