"""Never two runs of one session at once on a machine, whatever started them and whatever Prefect thinks of them.

Prefect's limit turns runs away before they start, for all machines. It lets go of a run that it believes to be dead or
that waits to be resumed, though; so each run holds its session by a lock too, which ends with its process.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from sessions.locks import HeldError, held
from sessions.run_folder import RunFolder, hold_run
from sessions.run_record import NO_DEPLOYMENT, RunRecord

LOOK_SECONDS = 0.5


@contextmanager
def hold_session(home: Path, record: RunRecord) -> Iterator[str]:
    """Hold the session of a run while the block runs; yields "" if we do, or which run it is that does.

    Runs without a deployment are of no session, and do not keep each other from running.

    Raises:
        RunFolderError: the disk does not take it.
    """
    if record.session == NO_DEPLOYMENT:
        yield ""
        return
    folder = home / "at-work" / quote(record.session, safe="")
    holder = folder / "run"
    with ExitStack() as stack:
        try:
            stack.enter_context(held(folder))
        except HeldError:
            yield (holder.read_text(encoding="utf-8") if holder.exists() else "") or "one that has just begun"
            return
        with suppress(OSError):  # it only says whom the lock belongs to
            holder.write_text(f"{record.run_name} ({record.run_id})", encoding="utf-8")
        yield ""


@asynccontextmanager
async def hold_run_in_turn(home: Path, first: RunRecord, *, on_wait: Callable[[], None]) -> AsyncIterator[RunFolder]:
    """The folder of a run, as `hold_run` gives it, as soon as no other process is at work on this very run.

    A pod that was started again for a run may find the first one still working. It waits for that one's end instead of
    speaking for it: `on_wait` is called once if so. Should that one die, this one goes on from where it came to.

    Raises:
        RunFolderError: the disk does not take it.
    """
    with ExitStack() as stack:
        told = False
        while True:
            try:
                run = stack.enter_context(hold_run(home, first))
                break
            except HeldError:
                if not told:
                    on_wait()
                told = True
                await asyncio.sleep(LOOK_SECONDS)
        yield run
