"""Reads what comes in pages, a few of them side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
#: The most that the server returns at once.
PAGE = 200
#: More at once gain nothing, and many would wait for a connection until they are given up.
AT_ONCE = 4


async def read_pages(count: int, read: Callable[[int, int], Awaitable[Sequence[T]]]) -> list[T]:
    """All pages of `PAGE` things each, in their order; the server reads the next while this process reads the last.

    Args:
        count: how many there were a moment ago; what has come since is read too, up to a page of it.
        read: gives the page at an offset, of so many things.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def read_one(offset: int) -> Sequence[T]:
        async with gate:
            return await read(offset, PAGE)

    pages = await asyncio.gather(*map(read_one, range(0, count + PAGE, PAGE)))
    return [item for page in pages for item in page]
