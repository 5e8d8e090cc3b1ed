"""Lets one run at a time push to a repository, wherever it runs, by a limit of the Prefect server."""

import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx
from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError, concurrency
from prefect.exceptions import ObjectAlreadyExists, PrefectException

#: How long to wait for others. A push takes a second or two; who waits in vain, as for one that died, pushes anyway.
WAIT_SECONDS = 5.0
#: For how long one that died holds a limit; Prefect takes no less.
_LEASE_SECONDS = 60.0
#: What the client raises where the server is away, refuses, or knows of no such limit or lease.
_NO_LIMIT = (TimeoutError, httpx.HTTPError, PrefectException, ConcurrencySlotAcquisitionError)


def limit_name(url: str) -> str:
    """What the limit of a repository is called on the server, which shows it to people: without the address."""
    return f"sessions-push-{hashlib.sha256(url.encode()).hexdigest()[:16]}"


@asynccontextmanager
async def one_pusher_at_a_time(urls: Iterable[str]) -> AsyncIterator[None]:
    """Hold the limits of these repositories while the block runs.

    It goes on without them where the server cannot be asked, or they are not free in time: no commit is lost by that,
    since git takes no push that would leave out another's. Fewer of them are turned away and made anew.
    """
    names = sorted({limit_name(url) for url in urls})
    held = AsyncExitStack()
    if names:
        await _hold(names, held)
    try:
        yield
    finally:
        await _let_go(held)


async def _hold(names: list[str], held: AsyncExitStack) -> None:
    limits = concurrency(
        names, timeout_seconds=WAIT_SECONDS, lease_duration=_LEASE_SECONDS, raise_on_lease_renewal_failure=False
    )
    try:
        await _make_sure_of(names)
        await held.enter_async_context(limits)
    except _NO_LIMIT as error:
        get_run_logger().warning("Pushing beside others, as their end cannot be waited for: %s", error)


async def _make_sure_of(names: Iterable[str]) -> None:
    async with get_client() as client:
        for name in names:
            # Another run may be the first to push to it at the same moment.
            with suppress(ObjectAlreadyExists):
                await client.upsert_global_concurrency_limit_by_name(name, 1)


async def _let_go(held: AsyncExitStack) -> None:
    """What was pushed is pushed, also where the server does not hear of it: the limit is free when its lease ends."""
    try:
        await held.aclose()
    except _NO_LIMIT as error:
        get_run_logger().warning("The server did not take back what kept others from pushing: %s", error)
