"""`python -m sessions.offline --script FILE [--port N]`: serve a script until SIGTERM or Ctrl-C."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from sessions.errors import SessionError
from sessions.offline import DEMO_SCRIPT, open_offline_model


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sessions.offline", description=__doc__)
    parser.add_argument("--script", type=Path, default=DEMO_SCRIPT, help="YAML file of rules (default: the demo's)")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one (default)")
    return parser.parse_args()


def main() -> int:
    """Serve until asked to stop; the first line printed is the address."""
    arguments = _arguments()
    asked_to_stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: asked_to_stop.set())
    try:
        with open_offline_model(arguments.script, arguments.port) as model:
            print(model.base_url, flush=True)  # noqa: T201 - the address is what whoever started this waits for
            asked_to_stop.wait()
    except SessionError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
