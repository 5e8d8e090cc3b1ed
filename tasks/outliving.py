"""Keeps a run alive whose worker was killed, and whose output nobody reads any more."""

import logging
import os
from collections.abc import Iterator

from prefect.logging.handlers import PrefectConsoleHandler

_STDOUT, _STDERR = 1, 2


def outlive_the_worker() -> None:
    """Have this process go on when its output can be written no more; what is logged still reaches the server.

    Prefect's log lines go through rich, which ends a process whose output is a broken pipe: right for a command before
    `head`, and wrong for a run, which would end as crashed with its next line.
    """
    for handler in _consoles():
        # Rich names it as the place to say something else.
        handler.console.on_broken_pipe = _write_nowhere  # type: ignore[method-assign]


def _consoles() -> Iterator[PrefectConsoleHandler]:
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    for logger in loggers:
        yield from (handler for handler in logger.handlers if isinstance(handler, PrefectConsoleHandler))


def _write_nowhere() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in (_STDOUT, _STDERR):
        os.dup2(nowhere, output)
    os.close(nowhere)
