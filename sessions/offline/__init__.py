"""A loopback server that speaks the Messages API and the Gemini API from a script.

It is not a model, and says so in every answer.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from sessions.errors import ScriptError
from sessions.offline.script import Script, read_script

if TYPE_CHECKING:
    from sessions.offline.running import OfflineModel

#: The script of `sessions demo`.
DEMO_SCRIPT = Path(__file__).with_name("demo.yaml")

__all__ = ["DEMO_SCRIPT", "Script", "ScriptError", "open_offline_model", "read_script"]


def open_offline_model(script: Path | Script, port: int = 0) -> "AbstractContextManager[OfflineModel]":
    """Serve `script` on 127.0.0.1 in a thread of this process; port 0 takes a free one.

    Raises:
        ScriptError: the script is wrong or the port is taken.
    """
    # The web server takes a tenth of a second to import: only who runs one pays for it.
    from sessions.offline.running import running  # noqa: PLC0415

    return running(script, port)
