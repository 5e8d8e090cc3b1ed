"""A process that runs flow runs in children of its own which die, by SIGKILL, at a chosen moment.

It imports everything once and then forks for each run: a line of JSON on standard input asks for one, and the line
that comes back is the child's exit code. See `Mortal` for the asking side.
"""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel

CHECKOUT = Path(__file__).resolve().parent.parent.parent


class Order(BaseModel):
    """One run and how it dies: `moment` is `after:STEP` or one of `MOMENTS`; empty lives on.

    `file_bytes` is the longest file that the process can write, which is what a full disk looks like; 0 is no limit.
    """

    run_id: UUID
    cwd: Path
    environment: dict[str, str]
    moment: str = ""
    file_bytes: int = 0


class Mortal:
    """Asks for runs that die."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, order: Order) -> int:
        """Returns the child's exit code: minus the signal that ended it, or 0."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(order.model_dump_json() + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def open_mortal(api_url: str, log: Path) -> Iterator[Mortal]:
    """Such a process for the server at `api_url`; what its children print goes to `log`."""
    environment = os.environ | {"PREFECT_API_URL": api_url}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.dying"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            env=environment,
            cwd=CHECKOUT,
            text=True,
        )
    with process:
        try:
            yield Mortal(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(30)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_after(owner: object, name: str, matters: Callable[..., bool] = lambda *_: True) -> None:
    """Die as soon as the function has done what it does, if its arguments are the ones that matter."""
    original = getattr(owner, name)

    def deadly(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any function
        result = original(*args, **kwargs)
        if matters(*args):
            die()
        return result

    setattr(owner, name, deadly)


def die_after_awaiting(owner: object, name: str) -> None:
    """The same for an async function."""
    original = getattr(owner, name)

    async def deadly(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any function
        await original(*args, **kwargs)
        die()

    setattr(owner, name, deadly)


def die_instead(owner: object, name: str) -> None:
    """Die before the function does anything."""

    async def deadly(*_args: object, **_kwargs: object) -> None:
        die()

    setattr(owner, name, deadly)


def arrange(moment: str) -> None:
    """Have this process die at the moment."""
    kind, _, what = moment.partition(":")
    if kind == "after":
        from sessions.run_folder import RunFolder  # noqa: PLC0415 - this module is also imported by tests

        die_after(RunFolder, "mark", lambda _folder, step, _at: step == what)
    elif moment:
        MOMENTS[moment]()


def _at_entry(kind: str) -> None:
    from sessions.transcript import Transcript  # noqa: PLC0415

    die_after(Transcript, "append", lambda _transcript, entry: entry.kind == kind)


def _at_extraction() -> None:
    from sessions.run_folder import RunFolder  # noqa: PLC0415

    die_after(RunFolder, "write", lambda folder, path, _text: path == folder.learned_path)


def _in_memory() -> None:
    from sessions.memory.sqlite import SqliteMemory  # noqa: PLC0415

    die_after(SqliteMemory, "apply")


def _at_push() -> None:
    import sessions.repositories  # noqa: PLC0415

    die_after(sessions.repositories, "commit_and_push")


def _at_send(how: Callable[[object, str], None]) -> None:
    from sessions.channels.webhook import WebhookChannel  # noqa: PLC0415

    how(WebhookChannel, "send")


def _at_chat() -> None:
    from sessions.channels.chat import ChatChannel  # noqa: PLC0415

    die_after_awaiting(ChatChannel, "send")


def _at_artifacts() -> None:
    import flows.finish_run  # noqa: PLC0415

    die_after_awaiting(flows.finish_run, "publish_artifacts")


def _at_ending() -> None:
    import flows.finish_run  # noqa: PLC0415

    die_after_awaiting(flows.finish_run, "show_ending")


#: Moments that are not the end of a step: in the middle of one, between its effect and its mark, or after the last.
MOMENTS: dict[str, Callable[[], None]] = {
    "a tool was called": lambda: _at_entry("tool_call"),
    "a tool answered": lambda: _at_entry("tool_result"),
    "extracted, not marked": _at_extraction,
    "remembered, not marked": _in_memory,
    "pushed, not marked": _at_push,
    "about to send": lambda: _at_send(die_instead),
    "sent, not noted": lambda: _at_send(die_after_awaiting),
    "sent to a chat, not noted": _at_chat,
    "artifacts published": _at_artifacts,
    "ending shown": _at_ending,
}


def _live(order: Order) -> None:
    from prefect.settings import PREFECT_LOGGING_TO_API_ENABLED, temporary_settings  # noqa: PLC0415

    from tests.fakes.house import run_flow_run  # noqa: PLC0415

    os.environ.update(order.environment)
    os.chdir(order.cwd)
    arrange(order.moment)
    if order.file_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order.file_bytes, order.file_bytes))
    with temporary_settings({PREFECT_LOGGING_TO_API_ENABLED: False}):
        asyncio.run(run_flow_run(order.run_id))


def main() -> None:
    import anthropic  # noqa: F401, PLC0415 - once, and not in each child
    import apprise  # noqa: F401, PLC0415

    import sessions.memory.sqlite  # noqa: F401, PLC0415
    import tests.fakes.house  # noqa: F401, PLC0415

    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _live(Order.model_validate_json(line))
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
