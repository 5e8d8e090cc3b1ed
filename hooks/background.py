"""Starts the process that learns from conversations, out of the reach of the terminal and of Claude Code."""

import subprocess
import sys
from pathlib import Path

from sessions.errors import RunFolderError
from sessions.interactive import conversations_folder
from sessions.settings import Settings

LOG = "learn.log"


def learn_in_background(settings: Settings, conversation: Path | None) -> None:
    """Learn from a conversation once it is over; without one, from all that are over. Returns at once.

    What goes wrong there stands in `learn.log` beside the conversations, and `sessions memory doctor` tells of it.

    Raises:
        RunFolderError: the disk does not take the log, or no process can be started.
    """
    folder = conversations_folder(settings.home)
    which = ["--conversation", str(conversation)] if conversation else []
    command = [sys.executable, "-E", "-P", "-m", "hooks.learn", *which]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (folder / LOG).open("ab") as log:
            subprocess.Popen(
                [*command, "--quiet-seconds", str(settings.interactive_quiet_seconds)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                cwd=folder,
            )
    except OSError as error:
        raise RunFolderError(f"{folder} cannot be used: {error.strerror}; mend it or set SESSIONS_HOME") from error
