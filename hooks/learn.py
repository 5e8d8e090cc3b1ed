"""The process that learns from conversations: it waits until one is over, then learns from all that are.

Started by the other hooks and waited for by nobody. While it waits it holds the conversation's `.waiting` lock, so that
there is one such process for each conversation; what is heavy is loaded afterwards.
"""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sessions.errors import SessionError
from sessions.locks import HeldError, held

_LOOK_SECONDS = 1.0


def main(sleep: Callable[[float], None] = time.sleep) -> int:
    """Wait, learn, and complain to standard error; returns the exit code."""
    parser = ArgumentParser(prog="python -m hooks.learn", description=__doc__)
    parser.add_argument("--conversation", type=Path, help="wait until this one is over")
    parser.add_argument("--quiet-seconds", type=float, default=0.0, help="when one is over that did not say so")
    given = parser.parse_args()
    try:
        if given.conversation:
            with held(given.conversation.parent, f"{given.conversation.stem}.waiting"):
                wait_until_over(given.conversation, given.quiet_seconds, sleep)
        return _learn()
    except HeldError:
        return 0  # another process waits for the same
    except SessionError as error:
        sys.stderr.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC {error}\n")
        return 1


def wait_until_over(conversation: Path, quiet_seconds: float, sleep: Callable[[float], None]) -> None:
    """Return when the conversation ended or nothing was said in it for `quiet_seconds`."""
    from sessions.interactive import is_over  # noqa: PLC0415

    while not is_over(conversation, now=time.time(), quiet_seconds=quiet_seconds):
        sleep(_LOOK_SECONDS)


def _learn() -> int:
    import asyncio  # noqa: PLC0415

    from sessions.interactive_learning import learn_what_is_left  # noqa: PLC0415
    from sessions.settings import read_settings  # noqa: PLC0415

    tried = asyncio.run(learn_what_is_left(read_settings(), datetime.now(UTC)))
    for part in tried:
        if part.problem:
            sys.stderr.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC {part.run_id} {part.problem}\n")
    return int(any(part.problem for part in tried))


if __name__ == "__main__":
    sys.exit(main())
