"""A web server on loopback whose pages a test sets, and which remembers who asked for what."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Pages:
    """`texts` by path, with `status` for all of them; `asked` holds path and headers of each request."""

    port: int = 0
    texts: dict[str, str] = field(default_factory=dict)
    status: int = 200
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def open_pages() -> Iterator[Pages]:
    """The server at a free port; what has no text is a 404."""
    pages = Pages()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            pages.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            body = pages.texts.get(path, "").encode()
            self.send_response(pages.status if path in pages.texts else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pages.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield pages
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
