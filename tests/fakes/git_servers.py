"""A git server over HTTP that lets everybody read, and asks whoever pushes for a password."""

import base64
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.workspace.people import git

_PUSH = "git-receive-pack"


class _ReadByAll(SimpleHTTPRequestHandler):
    """Serves the files of a folder of repositories; of a push, only its beginning, which asks what there is."""

    def __init__(self, *arguments: object, password: str, directory: str) -> None:
        self._wanted = f"Basic {base64.b64encode(f'ada:{password}'.encode()).decode()}"
        super().__init__(*arguments, directory=directory)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if not self.path.endswith(f"/info/refs?service={_PUSH}"):
            super().do_GET()
        elif self.headers.get("Authorization") == self._wanted:
            self._tell_refs()
        else:
            self._answer(403 if self.headers.get("Authorization") else 401, b"")

    def _tell_refs(self) -> None:
        repository = Path(self.directory) / self.path.strip("/").partition("/")[0]
        told = subprocess.run(
            [_PUSH, "--http-backend-info-refs", repository], capture_output=True, check=True, timeout=10
        )
        self._answer(200, f"001f# service={_PUSH}\n0000".encode() + told.stdout)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Type", f"application/x-{_PUSH}-advertisement")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def read_by_all(repository: Path, password: str) -> Iterator[str]:
    """The address of a bare repository as such a server has it."""
    git(repository, "update-server-info")
    handler = partial(_ReadByAll, password=password, directory=str(repository.parent))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{repository.name}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
