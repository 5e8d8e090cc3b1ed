"""Keeps the request lines of HTTP libraries out of the logs: their addresses carry tokens."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LOGGERS = (
    "apprise",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.proxy",
    "httpx",
    "requests",
    "urllib3.connectionpool",
)
_hushed: ContextVar[bool] = ContextVar("hushed", default=False)


class _NotWhileSending(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the context decides, not the record
        return not _hushed.get()


_FILTER = _NotWhileSending()


@contextmanager
def hush_request_lines() -> Iterator[None]:
    """While in it, what HTTP libraries log in this context is dropped; other tasks and threads log as before."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)  # a filter that is there already is not added again
    token = _hushed.set(True)
    try:
        yield
    finally:
        _hushed.reset(token)
