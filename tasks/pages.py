"""Reads what comes in pages, all of them side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
#: The most that the server returns at once.
PAGE = 200


async def read_pages(count: int, read: Callable[[int, int], Awaitable[Sequence[T]]]) -> list[T]:
    """All pages of `PAGE` things each, in their order, while the server reads the next and this process the last.

    Args:
        count: how many there were a moment ago; what has come since is read too, up to a page of it.
        read: gives the page at an offset, of so many things.
    """
    pages = await asyncio.gather(*(read(offset, PAGE) for offset in range(0, count + PAGE, PAGE)))
    return [item for page in pages for item in page]
